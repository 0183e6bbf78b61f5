/**
 * How far the fold of a log is behind. Measured beside the fold, which neither waits for it nor knows of it: what is told
 * may be a flush old, never ahead.
 */
import { MeridianError } from '@meridian/accounting';
import type { EventLog, Extent } from '@meridian/event-log';

/** From where a log is not durable in the ledger. */
export interface Unfolded {
  readonly from: number;
  /** Append time of the first record from there on, when that was read already; ms since the epoch. */
  readonly oldest: number | undefined;
}

export interface Lag {
  /** Between what is durable in the ledger and the log's end. */
  readonly records: number;
  /** Append time of the oldest of them that is still kept, ms since the epoch; undefined when there is none. */
  readonly oldest: number | undefined;
}

/** Undefined when it cannot be told just now: retention was faster than the look at what it keeps. */
export async function measureLag(
  log: EventLog,
  { partition, start, end }: Extent & { readonly partition: number },
  { from, oldest }: Unfolded,
): Promise<Lag | undefined> {
  const records = Math.max(0, end - from);
  if (records === 0) return { records, oldest: undefined };
  if (oldest !== undefined) return { records, oldest };
  try {
    const [first] = await log.read(partition, Math.max(from, start), 1);
    return { records, oldest: first?.time };
  } catch (error) {
    if (error instanceof MeridianError && error.code === 'log_out_of_range') return undefined;
    throw error;
  }
}
