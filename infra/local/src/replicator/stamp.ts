/**
 * When and where an item was written, as one string that sorts by time, then by region: last writer wins, and of two at
 * the same millisecond the greater region name. It stands in the item as a hidden attribute, as global tables have done
 * it; a local write replaces the whole item and so drops it: an item without stamp is a local write that was not seen yet.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Image = Readonly<Record<string, AttributeValue>>;
export type Stamp = string;

/** The hidden attribute. */
export const STAMP = 'aws:rep:stamp';
/** Below every stamp. */
export const NONE: Stamp = '';

const TIME_DIGITS = 15;
/** A stream says when a change was made, rounded down: DynamoDB to the second, DynamoDB Local to the minute. */
const ROUNDED_BY_MS = 60_000;

export function stampOf(image: Image | undefined): Stamp | undefined {
  return image?.[STAMP]?.S;
}

export function stampAt(ms: number, region: string): Stamp {
  return `${String(ms).padStart(TIME_DIGITS, '0')} ${region}`;
}

export function timeOf(stamp: Stamp): number {
  return Number(stamp.slice(0, TIME_DIGITS));
}

export function regionOf(stamp: Stamp): string {
  return stamp.slice(TIME_DIGITS + 1);
}

/**
 * Stamps for the local writes of one region, in the order of its stream. Each is above every stamp that this stream has
 * shown to be overwritten before, so a write is above what it has overwritten, whatever the clocks say. Else it is the time at which the
 * write was seen, and for one that is read late, never more than a minute after it was made.
 */
export class Stamps {
  /** What was overwritten, by item, where the last record of it is a local write: these are about to be stamped. */
  private readonly unstamped = new Map<string, Stamp>();

  constructor(private readonly region: string, private floorMs = 0) {}

  /** Time of the highest stamp seen or issued: what a checkpoint keeps. */
  get floor(): number {
    return this.floorMs;
  }

  see(stamp: Stamp): void {
    if (stamp !== NONE) this.floorMs = Math.max(this.floorMs, timeOf(stamp));
  }

  /** A local write has overwritten that: with it, all that writes had overwritten which were themselves overwritten before they had a stamp. */
  overwritten(name: string, stamp: Stamp): Stamp {
    this.see(stamp);
    const before = this.unstamped.get(name) ?? NONE;
    const above = before > stamp ? before : stamp;
    this.unstamped.set(name, above);
    return above;
  }

  /** The item has a stamp now, or is gone. */
  settle(name: string, stamp?: Stamp): void {
    // A stamp below that is of an older write with the same bytes, and will be raised.
    if (stamp === undefined || stamp > (this.unstamped.get(name) ?? NONE)) this.unstamped.delete(name);
  }

  issue(seenMs: number, recordedMs: number): Stamp {
    this.floorMs = Math.max(this.floorMs + 1, Math.min(seenMs, recordedMs + ROUNDED_BY_MS));
    return stampAt(this.floorMs, this.region);
  }
}
