/**
 * A cut is a numbered vector of log offsets, each on a manifest boundary, with the cover that says which stream answers
 * for which offsets: "everything accepted up to here". Finality is a cut, never a time.
 */
import { invariant } from './invariant';
import { compareLogs, parseLogId, parseStreamId, streamId, type LogId, type StreamId } from './log-id';

/** From `from` up to the next segment's `from` (or the log's offset in the cut), this stream answers for the log. */
export interface Segment {
  readonly stream: StreamId;
  readonly from: number;
  /** The region that writes the stream, through its own replica only. */
  readonly writer: string;
  /** Manifests 1..`manifests` of the stream are in the cut; 0 = none yet. Grows only while the segment is the last. */
  readonly manifests: number;
}

export interface CutLog {
  readonly log: LogId;
  /** Everything below is in the cut. */
  readonly offset: number;
  /** At least one, ascending; never changed by a later cut, only appended to. */
  readonly segments: readonly Segment[];
  /** Clock of the newest sample whose end is ≤ offset, ms since the epoch; 0 = none yet. */
  readonly asOf: number;
}

/** Why a cut is not all that was accepted when it was made. */
export type Lagging =
  | { readonly code: 'not_folded'; readonly log: LogId; /** Records, or −1 = not known. */ readonly behind: number }
  | { readonly code: 'region_unreachable'; readonly region: string; /** ms since the epoch; 0 = never seen. */ readonly since: number };

export interface Cut {
  readonly k: number;
  /** Sorted by log. */
  readonly logs: readonly CutLog[];
  readonly lagging: readonly Lagging[];
  /** T: the oldest `asOf` over the logs not retired, ms since the epoch. */
  readonly asOf: number;
  /** Region whose allocator made it. */
  readonly by: string;
}

/** A part of a cover: this stream's entries with offset in [from, to) count. */
export interface CoveredRange {
  readonly stream: StreamId;
  readonly from: number;
  readonly to: number;
}

/** Cut 0: nothing. */
export const EMPTY_CUT: Cut = { k: 0, logs: [], lagging: [], asOf: 0, by: '' };

/** The cover of a cut as ranges, in order of log and offset; empty ranges are left out. */
export function coveredRanges(cut: Cut): CoveredRange[] {
  return cut.logs.flatMap((log) => logRanges(log).filter((range) => range.from < range.to));
}

/** The ranges of one log, one per segment. */
export function logRanges(log: CutLog): CoveredRange[] {
  return log.segments.map((segment, i) => {
    const to = log.segments[i + 1]?.from ?? log.offset;
    return { stream: segment.stream, from: segment.from, to };
  });
}

export function lastSegment(log: CutLog): Segment {
  const segment = log.segments.at(-1);
  invariant(segment, `cut holds no segment of ${log.log}`);
  return segment;
}

/** A covered range and how its entries win over others of the same identity. */
export interface CoverRange extends CoveredRange {
  readonly log: LogId;
  readonly region: string;
  /** By log, then by segment: of two entries that of the smaller rank wins, and within a rank that of the smaller offset. */
  readonly rank: number;
}

/** Which entries count at a cut, and in which order they win. */
export class Cover {
  private readonly ranges = new Map<StreamId, CoverRange>();

  constructor(readonly cut: Cut) {
    for (const log of cut.logs) {
      const { region } = parseLogId(log.log);
      for (const range of logRanges(log)) {
        if (range.from < range.to) this.ranges.set(range.stream, { ...range, log: log.log, region, rank: this.ranges.size });
      }
    }
  }

  /** The stream's range in the cover; undefined when none of it counts. */
  range(stream: StreamId): CoverRange | undefined {
    return this.ranges.get(stream);
  }
}

/**
 * Asserts that `next` may follow `previous`: offsets never go back, no cover changes below the previous offset, and a
 * stream that opens answers from the offset of the very cut that opens it. Throws `InvariantViolation` otherwise.
 */
export function assertSuccessor(previous: Cut, next: Cut): void {
  invariant(next.k === previous.k + 1, `cut ${next.k} cannot follow cut ${previous.k}`);
  next.logs.forEach((log, i) => {
    const before = next.logs[i - 1];
    invariant(!before || compareLogs(before.log, log.log) < 0, `cut ${next.k} does not list its logs in order`);
    assertSegments(log);
  });
  const logs = new Map(next.logs.map((log) => [log.log, log]));
  for (const old of previous.logs) {
    const log = logs.get(old.log);
    invariant(log, `cut ${next.k} leaves out ${old.log}`);
    assertLogSuccessor(old, log);
  }
}

/** Streams 0, 1, 2, … of the log, each from where the one before ends. */
function assertSegments({ log, offset, segments }: CutLog): void {
  invariant(segments.length > 0, `cut holds no segment of ${log}`);
  segments.forEach((segment, i) => {
    invariant(segment.stream === streamId(log, i), `${segment.stream} cannot be stream ${i} of ${log}`);
    const to = segments[i + 1]?.from ?? offset;
    invariant(segment.from <= to, `${segment.stream} starts at ${segment.from}, after its end at ${to}`);
  });
}

function assertLogSuccessor(old: CutLog, log: CutLog): void {
  invariant(log.offset >= old.offset, `${log.log} goes back from ${old.offset} to ${log.offset}`);
  old.segments.forEach((segment, i) => {
    const same = log.segments[i];
    const isSame = same?.from === segment.from && same.writer === segment.writer;
    invariant(isSame, `a segment of ${log.log} changes: ${segment.stream}`);
    const isClosed = i < old.segments.length - 1;
    invariant(
      isClosed ? same.manifests === segment.manifests : same.manifests >= segment.manifests,
      `${segment.stream} goes from ${segment.manifests} manifests to ${same.manifests}`,
    );
  });
  for (const { stream, from } of log.segments.slice(old.segments.length)) {
    invariant(from === log.offset, `${stream} opens at ${from}, not at the cut's offset ${log.offset}`);
  }
}

/** The cover of a log that is in no cut yet: its owner's stream from where it starts. */
export function ownersSegment(log: LogId, start: number, region: string): Segment {
  return { stream: streamId(log, 0), from: start, writer: region, manifests: 0 };
}

/** The segment that opens when `writer` takes the log over at the cut's offset. */
export function nextSegment(log: CutLog, writer: string): Segment {
  const { number } = parseStreamId(lastSegment(log).stream);
  return { stream: streamId(log.log, number + 1), from: log.offset, writer, manifests: 0 };
}

export function sortLogs<T extends { readonly log: LogId }>(logs: readonly T[]): T[] {
  return [...logs].sort((a, b) => compareLogs(a.log, b.log));
}
