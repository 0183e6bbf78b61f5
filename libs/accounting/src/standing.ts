/**
 * What is said to the reader beside every number: whether it is final, at which cut, as of when, and why not.
 */
import type { Cut, Lagging } from './cut';
import type { LogId } from './log-id';

export type Status = 'provisional' | 'final' | 'closed' | 'adjusted';

export type Reason =
  | Lagging
  /** A newer cut is not reached here: this many manifests and deltas written in `region` are not present yet. */
  | {
      readonly code: 'replication_lag';
      readonly region: string;
      readonly missing: number;
      /** When the wait began, ms since the epoch. */
      readonly oldest: number;
    }
  /** Entries with the identity of a counted one and other content. Shown, and no obstacle to being final. */
  | { readonly code: 'conflict'; readonly conflicts: number }
  /** No cut has been reached here yet. */
  | { readonly code: 'no_cut' };

export interface Claim {
  readonly status: Status;
  /** Number of the cut the value is at. */
  readonly cut: number;
  /** T of that cut, ms since the epoch. */
  readonly asOf: number;
  readonly reasons: readonly Reason[];
}

/** What a replica still waits for before it reaches a newer cut. */
export interface Wait {
  readonly region: string;
  readonly missing: number;
  readonly oldest: number;
}

/**
 * A value at `cut`, which is reached at this replica, is final exactly when that cut lists no lagging, unreachable or
 * lost log and this replica is not stuck on the way to a newer one (`waits`).
 */
export function claim(cut: Cut, waits: readonly Wait[], conflicts: number): Claim {
  const blocking: Reason[] = [...cut.lagging, ...waits.map((wait): Reason => ({ code: 'replication_lag', ...wait }))];
  if (cut.k === 0) blocking.push({ code: 'no_cut' });
  const reasons = conflicts > 0 ? [...blocking, { code: 'conflict', conflicts } as const] : blocking;
  return { status: blocking.length === 0 ? 'final' : 'provisional', cut: cut.k, asOf: cut.asOf, reasons };
}

/** Where a log stands, for the coverage view. */
export interface LogCoverage {
  readonly log: LogId;
  readonly region: string;
  /** End offset by the newest sample known here, −1 = none. */
  readonly end: number;
  /** One past the last offset with a manifest that this replica has seen. */
  readonly folded: number;
  /** One past the last offset whose manifests and deltas this replica has. */
  readonly reached: number;
  /** Offset in the newest cut reached here. */
  readonly cut: number;
  /** end − cut, 0 when not known. */
  readonly behind: number;
  /** When the log was last known to be complete in a cut, ms since the epoch; 0 = never. */
  readonly since: number;
  /** Records up to `reached`, by what became of them. */
  readonly counts: { readonly entries: number; readonly duplicates: number; readonly quarantined: number };
}
