/**
 * The sessions of a folder's stream: what of each waits to be made durable, and what is remembered of it, bounded in
 * bytes. In two generations: what is used moves into the young one; when that holds half of the bound it becomes the
 * old one, and what was not used since the last time goes.
 */
import type { Entry, SessionState } from '@meridian/accounting';
import { keys } from '@meridian/ledger';

export interface FoldedSession {
  readonly tenant: string;
  readonly session: string;
  /** Its partition key in the ledger. */
  readonly pk: string;
  /** Taken and not yet durable, in offset order. Replaced when it is empty, never added to. */
  waiting: Entry[];
  /** Never ahead of what is durable. Undefined: to be loaded. */
  state: SessionState | undefined;
  /** What is counted of it. */
  bytes: number;
}

/** Bytes of a session without its state and its names, and of each character of its name, about. */
const SESSION_BYTES = 200;
const CHARACTER_BYTES = 3;
export const NONE_WAITING: Entry[] = [];

type Generation = Map<string, Map<string, FoldedSession>>;

export class Sessions {
  private young: Generation = new Map();
  private youngBytes = 0;
  private old: Generation = new Map();
  /** The young ones of the tenant asked for last: tenants repeat. */
  private tenant = '';
  private ofTenant = new Map<string, FoldedSession>();

  constructor(private readonly bytesMax: number) {
    this.young.set(this.tenant, this.ofTenant);
  }

  /** The session; a new one when nothing is remembered of it. */
  get(tenant: string, session: string): FoldedSession {
    if (tenant !== this.tenant) this.turnTo(tenant);
    const known = this.ofTenant.get(session);
    if (known) return known;
    const found = this.old.get(tenant)?.get(session) ?? this.create(session);
    this.ofTenant.set(found.session, found);
    this.youngBytes += found.bytes;
    return found;
  }

  /** Its state is `state` now, and all of that is durable. */
  settle(session: FoldedSession, state: SessionState): void {
    session.state = state;
    const bytes = bytesOf(session.session) + state.memoryBytes;
    this.youngBytes += bytes - session.bytes;
    session.bytes = bytes;
  }

  /** Lets go of what was not used for the longest, when the bound asks for it; of all, when one flush was beyond it. Nothing may wait. */
  shrink(): void {
    if (this.youngBytes * 2 <= this.bytesMax) return;
    this.old = this.youngBytes > this.bytesMax ? new Map<string, Map<string, FoldedSession>>() : this.young;
    this.young = new Map();
    this.youngBytes = 0;
    this.turnTo(this.tenant);
  }

  private create(session: string): FoldedSession {
    return { tenant: this.tenant, session, pk: keys.sessionPk(this.tenant, session), waiting: NONE_WAITING, state: undefined, bytes: bytesOf(session) };
  }

  private turnTo(tenant: string): void {
    this.tenant = tenant;
    const known = this.young.get(tenant);
    this.ofTenant = known ?? new Map<string, FoldedSession>();
    if (!known) this.young.set(tenant, this.ofTenant);
  }
}

function bytesOf(session: string): number {
  return SESSION_BYTES + session.length * CHARACTER_BYTES;
}
