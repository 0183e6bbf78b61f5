/**
 * What a record is to its session, given the entries its stream already has: the pure decision of the fold.
 */
import { sameContent, type Entry } from './entry';
import type { Identity } from './identity';

/**
 * - `replay`: this very record (same offset) is an entry already; it was read before.
 * - `duplicate`: the same event arrived before, elsewhere in the log.
 * - `conflict`: the same identity arrived before with other content; it becomes an entry too, so that it can be shown.
 * - `entry`: the first of its identity.
 */
export type Decision =
  | { readonly kind: 'replay' | 'duplicate'; readonly delta: number }
  | { readonly kind: 'conflict' | 'entry' };

const ENTRY: Decision = { kind: 'entry' };
const CONFLICT: Decision = { kind: 'conflict' };

/** Bytes that a session and each of its entries take in memory, about; measured on Node 24 with three counts per entry. */
const SESSION_MEMORY_BYTES = 210;
const ENTRY_MEMORY_BYTES = 340;

interface Known {
  readonly entry: Entry;
  /** Number of the delta that holds it. */
  readonly delta: number;
  /** An earlier entry of the same identity, with other content. */
  readonly earlier: Known | undefined;
}

/** The entries one stream has of one session, and the number of its last delta. */
export class SessionState {
  /** Number of the last delta; 0 = none yet. */
  lastDelta = 0;
  /** The first entry; the map is made for the second, because most sessions have one. */
  private first: Known | undefined;
  private byIdentity: Map<Identity, Known> | undefined;
  private entries = 0;

  get memoryBytes(): number {
    return SESSION_MEMORY_BYTES + this.entries * ENTRY_MEMORY_BYTES;
  }

  /** Must be called in offset order. Does not change the state. */
  classify(entry: Entry): Decision {
    const known = this.find(entry.identity);
    if (known === undefined) return ENTRY;
    for (let k: Known | undefined = known; k; k = k.earlier) {
      if (k.entry.offset === entry.offset) return { kind: 'replay', delta: k.delta };
    }
    for (let k: Known | undefined = known; k; k = k.earlier) {
      if (sameContent(k.entry, entry)) return { kind: 'duplicate', delta: k.delta };
    }
    return CONFLICT;
  }

  /** Records that `entry` is in delta number `delta`. */
  add(entry: Entry, delta: number): void {
    const known: Known = { entry, delta, earlier: this.find(entry.identity) };
    if (!this.first) this.first = known;
    else {
      this.byIdentity ??= new Map([[this.first.entry.identity, this.first]]);
      this.byIdentity.set(entry.identity, known);
    }
    this.entries++;
    if (delta > this.lastDelta) this.lastDelta = delta;
  }

  /** The last one added of that identity. */
  private find(identity: Identity): Known | undefined {
    if (this.byIdentity) return this.byIdentity.get(identity);
    return this.first?.entry.identity === identity ? this.first : undefined;
  }
}
