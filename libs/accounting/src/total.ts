/**
 * The total of a session at a cut: a pure function of its deltas and the cut's cover. One entry per identity counts
 * (the one of the smallest log and offset), minus the identities named by a void in the cover.
 */
import { TokenSum, type TokenTotals } from './bucket';
import { CoveredSession, outcomes, type Member, type Outcome, type Place, type SessionDelta } from './covered';
import type { Cover } from './cut';
import { hourOf, type Entry } from './entry';
import type { LogId, StreamId } from './log-id';
import type { Shapes } from './shape';
import { Usage } from './usage';

/** An entry in the cover, and what became of it. */
export interface Standing {
  readonly entry: Entry;
  readonly log: LogId;
  readonly stream: StreamId;
  readonly outcome: Outcome;
  /** The entry that counts (or would, were it not voided) for the same identity, when it is another one. */
  readonly winner: Place | undefined;
  /** The voids in the cover that name this identity. */
  readonly voidedBy: readonly Place[];
}

export interface SessionTotal {
  readonly tokens: TokenTotals;
  /** Entries counted. */
  readonly events: number;
  /** Entries of another stream that repeat a counted one. Repeats within one log never become entries. */
  readonly duplicates: number;
  /** Entries that have the identity of the counted one and other content. */
  readonly conflicts: number;
  /** Entries taken out by a void. */
  readonly voided: number;
  /** Streams with an entry in the cover. */
  readonly streams: number;
  /** False when there are several streams, a void or a conflict: only then can there be a correction. */
  readonly isPlain: boolean;
  /** Counted usage by hour, region and dimensions; sums up to `tokens` and `events`. */
  readonly usage: Usage;
  /** The entries in the cover minus the total, each at its own hour and dimensions; empty for a plain session. */
  readonly correction: Usage;
}

/** Total and correction of a session at the cover's cut, from all its deltas (any order). */
export function total(deltas: readonly SessionDelta[], cover: Cover, shapes: Shapes): SessionTotal {
  const session = new CoveredSession(deltas, cover, shapes);
  session.judge();
  const usage = new Usage();
  const correction = new Usage();
  const counts: Record<Outcome, number> = { counted: 0, duplicate: 0, conflict: 0, voided: 0, void: 0 };
  for (const delta of session.deltas) {
    const { region } = delta.range;
    delta.each(({ time, shape, tokens }, outcome) => {
      counts[outcome]++;
      const hour = hourOf(time);
      (outcome === 'counted' ? usage : correction).addEvent(hour, region, shape, tokens);
      // What is subtracted from usage as an event comes back there as a repeat.
      if (outcome === 'duplicate') correction.addDuplicates(hour, region, shape, -1);
    });
  }
  const sum = new TokenSum();
  for (const { tokens } of usage.lines()) sum.addTotals(tokens);
  const streams = session.streamCount;
  return {
    tokens: sum.totals(),
    events: counts.counted,
    duplicates: counts.duplicate,
    conflicts: counts.conflict,
    voided: counts.voided,
    streams,
    isPlain: streams <= 1 && counts.conflict === 0 && counts.void === 0,
    usage,
    correction,
  };
}

/** Whether the session has any entry in the cover. */
export function hasEntries(deltas: readonly SessionDelta[], cover: Cover, shapes: Shapes): boolean {
  return new CoveredSession(deltas, cover, shapes).deltas.length > 0;
}

/** Every entry in the cover with its outcome, in identity order, winners first. */
export function explain(deltas: readonly SessionDelta[], cover: Cover, shapes: Shapes): Standing[] {
  const standings: Standing[] = [];
  new CoveredSession(deltas, cover, shapes).eachGroup('all', (members, voidedBy) => {
    const first = members[0] as Member;
    const winner: Place = { log: first.delta.range.log, offset: first.entry.offset };
    outcomes(members, voidedBy).forEach((outcome, i) => {
      const { delta, entry } = members[i] as Member;
      const { log, stream } = delta.range;
      standings.push({ entry, log, stream, outcome, winner: i === 0 ? undefined : winner, voidedBy });
    });
  });
  return standings;
}
