/**
 * Whether the records that come go on from those that were taken. A log that was truncated under its reader goes on where
 * it was cut, at the very offset the reader waits for; only the leader epoch has gone up, as it does with every election.
 * So at every new epoch what came before is looked up again. Found by the simulator: a paused reader, seed 1494.
 */
import type { Hash } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { fingerprintOf, type LastManifest } from './fingerprint';

export class Continuity {
  /** The record before the next one: the one taken last, or else the one before the last manifest's end. */
  private taken: LogRecord | undefined;
  private opened: LastManifest | undefined;
  private epoch: number | undefined;

  constructor(
    private readonly hash: Hash,
    /** Rejects when the log does not hold that record any more. */
    private readonly assertIntact: (last: LastManifest) => Promise<void>,
  ) {}

  /** Begins anew after `last`, which the log holds; undefined, or without a fingerprint: at the start of a stream. */
  open(last: LastManifest | undefined): void {
    this.opened = last?.fingerprint && last;
    this.taken = undefined;
    this.epoch = last?.fingerprint?.epoch;
  }

  /** Whether the record is of the same leader as the one before. */
  isSame({ epoch }: LogRecord): boolean {
    return epoch === this.epoch;
  }

  /** Nothing is known of what came before: the stream begins here. */
  get isAtStart(): boolean {
    return this.epoch === undefined;
  }

  /** Another leader wrote it: rejects when what was taken before it is not in the log any more. */
  async assertFollows({ epoch }: LogRecord): Promise<void> {
    const { taken } = this;
    const before = taken ? { number: 0, end: taken.offset + 1, fingerprint: fingerprintOf(taken, this.hash), next: taken.offset + 1 } : this.opened;
    if (before) await this.assertIntact(before);
    this.epoch = epoch;
  }

  take(record: LogRecord): void {
    this.taken = record;
  }
}
