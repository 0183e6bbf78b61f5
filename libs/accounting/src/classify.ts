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
  /** Added earlier: all of the same identity are on the way, others may be. */
  readonly before: Known | undefined;
}

/** Up to here looking through all is as fast as a map, which would be the larger part of what most sessions take. */
const UNMAPPED_MAX = 8;

/** The entries one stream has of one session, and the number of its last delta. */
export class SessionState {
  /** Number of the last delta; 0 = none yet. */
  lastDelta = 0;
  /** The last entry added, as long as there is no map. */
  private last: Known | undefined;
  /** The last one added of each identity; made when there are more than a few. */
  private byIdentity: Map<Identity, Known> | undefined;
  private entries = 0;

  get memoryBytes(): number {
    return SESSION_MEMORY_BYTES + this.entries * ENTRY_MEMORY_BYTES;
  }

  /** Must be called in offset order. Does not change the state. */
  classify(entry: Entry): Decision {
    const { identity } = entry;
    const known = this.find(identity);
    if (known === undefined) return ENTRY;
    for (let k: Known | undefined = known; k; k = ofIdentity(k.before, identity)) {
      if (k.entry.offset === entry.offset) return { kind: 'replay', delta: k.delta };
    }
    for (let k: Known | undefined = known; k; k = ofIdentity(k.before, identity)) {
      if (sameContent(k.entry, entry)) return { kind: 'duplicate', delta: k.delta };
    }
    return CONFLICT;
  }

  /** Records that `entry` is in delta number `delta`. */
  add(entry: Entry, delta: number): void {
    if (this.byIdentity) this.byIdentity.set(entry.identity, { entry, delta, before: this.byIdentity.get(entry.identity) });
    else {
      this.last = { entry, delta, before: this.last };
      if (this.entries === UNMAPPED_MAX) this.byIdentity = mapOf(this.last);
    }
    this.entries++;
    if (delta > this.lastDelta) this.lastDelta = delta;
  }

  /** The last one added of that identity. */
  private find(identity: Identity): Known | undefined {
    return this.byIdentity ? this.byIdentity.get(identity) : ofIdentity(this.last, identity);
  }
}

/** The first of that identity on the way back from `known`. */
function ofIdentity(known: Known | undefined, identity: Identity): Known | undefined {
  let found = known;
  while (found && found.entry.identity !== identity) found = found.before;
  return found;
}

function mapOf(last: Known): Map<Identity, Known> {
  const byIdentity = new Map<Identity, Known>();
  for (let known: Known | undefined = last; known; known = known.before) {
    if (!byIdentity.has(known.entry.identity)) byIdentity.set(known.entry.identity, known);
  }
  return byIdentity;
}
