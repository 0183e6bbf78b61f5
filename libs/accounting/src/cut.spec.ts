import fc from 'fast-check';
import {
  assertSuccessor, Cover, coveredRanges, EMPTY_CUT, lastSegment, logRanges, nextSegment, ownersSegment, sortLogs, type Cut, type CutLog,
} from './cut';
import { InvariantViolation } from './invariant';
import { logId, streamId, type LogId, type StreamId } from './log-id';

const EU = logId({ region: 'eu', lineage: 0, partition: 0 });
const US = logId({ region: 'us', lineage: 0, partition: 0 });

function cut(k: number, ...logs: CutLog[]): Cut {
  return { ...EMPTY_CUT, k, logs };
}

/** A log whose owner wrote up to `offset`, in so many manifests. */
function owned(log: LogId, offset: number, manifests = 1): CutLog {
  return { log, offset, segments: [{ ...ownersSegment(log, 0, 'eu'), manifests }], asOf: 0 };
}

function takenOver(log: CutLog, writer: string): CutLog {
  return { ...log, segments: [...log.segments, nextSegment(log, writer)] };
}

/** The log with its offset, and its last segment's manifests, raised. */
function raised(log: CutLog, offset: number): CutLog {
  const last = lastSegment(log);
  return { ...log, offset, segments: [...log.segments.slice(0, -1), { ...last, manifests: last.manifests + 1 }] };
}

describe('a cover', () => {
  const log = raised(takenOver(raised(takenOver(owned(EU, 10), 'us'), 15), 'eu'), 20);

  it('has one range per segment: each up to where the next one starts, the last up to the cut', () => {
    expect(logRanges(log)).toEqual([
      { stream: streamId(EU, 0), from: 0, to: 10 },
      { stream: streamId(EU, 1), from: 10, to: 15 },
      { stream: streamId(EU, 2), from: 15, to: 20 },
    ]);
  });

  it('leaves out ranges with nothing in them', () => {
    const fresh = takenOver(owned(US, 7), 'eu');
    expect(coveredRanges(cut(1, owned(EU, 0), fresh))).toEqual([{ stream: streamId(US, 0), from: 0, to: 7 }]);
    expect(new Cover(cut(1, fresh)).range(streamId(US, 1))).toBeUndefined();
  });

  it('knows nothing of streams that are not in the cut', () => {
    expect(new Cover(cut(1, log)).range(streamId(US, 0))).toBeUndefined();
    expect(new Cover(EMPTY_CUT).range(streamId(EU, 0))).toBeUndefined();
  });

  it('ranks by log, then by segment', () => {
    const cover = new Cover(cut(1, log, owned(US, 5)));
    const ranks = [streamId(EU, 0), streamId(EU, 1), streamId(EU, 2), streamId(US, 0)].map((stream) => cover.range(stream)?.rank);
    expect(ranks).toEqual([0, 1, 2, 3]);
    expect(cover.range(streamId(US, 0))).toMatchObject({ log: US, region: 'us', from: 0, to: 5 });
  });

  it('answers for every offset below the cut with exactly one stream, whatever was taken over', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.boolean()), { maxLength: 8 }), (steps) => {
        let log = owned(EU, 3);
        for (const [more, isTakeover] of steps) {
          log = more > 0 ? raised(log, log.offset + more) : log;
          if (isTakeover) log = takenOver(log, 'us');
        }
        for (let offset = 0; offset < log.offset; offset++) {
          expect(coveredRanges(cut(1, log)).filter(({ from, to }) => offset >= from && offset < to)).toHaveLength(1);
        }
        expect(coveredRanges(cut(1, log)).some(({ to }) => to > log.offset)).toBe(false);
      }),
    );
  });
});

describe('a segment', () => {
  it('of the owner starts where the log starts, as stream 0', () => {
    expect(ownersSegment(EU, 5, 'eu')).toEqual({ stream: 'eu.0.0~0', from: 5, writer: 'eu', manifests: 0 });
  });

  it('of a takeover is the next stream, from the offset of the cut, there and back', () => {
    const there = takenOver(owned(EU, 10), 'us');
    const back = takenOver(raised(there, 12), 'eu');
    expect(back.segments.map(({ stream, from, writer }) => [stream, from, writer])).toEqual([
      ['eu.0.0~0', 0, 'eu'], ['eu.0.0~1', 10, 'us'], ['eu.0.0~2', 12, 'eu'],
    ]);
  });

  it('is never missing', () => {
    expect(() => lastSegment({ log: EU, offset: 0, segments: [], asOf: 0 })).toThrow(InvariantViolation);
  });
});

describe('sortLogs', () => {
  it('sorts by region and by number, and leaves what it was given alone', () => {
    const logs = [{ log: 'us.0.0' as LogId }, { log: 'eu.0.10' as LogId }, { log: 'eu.0.9' as LogId }];
    expect(sortLogs(logs).map(({ log }) => log)).toEqual(['eu.0.9', 'eu.0.10', 'us.0.0']);
    expect(logs[0]?.log).toBe('us.0.0');
  });
});

describe('assertSuccessor', () => {
  const before = cut(1, takenOver(owned(EU, 10), 'us'), owned(US, 5));
  const [eu, us] = before.logs as [CutLog, CutLog];

  it.each<[string, Cut]>([
    ['changes nothing', cut(2, eu, us)],
    ['raises an offset', cut(2, raised(eu, 11), us)],
    ['opens a stream', cut(2, eu, takenOver(us, 'eu'))],
    ['raises an offset and opens a stream there', cut(2, takenOver(raised(eu, 12), 'eu'), us)],
    ['adds a log', cut(2, eu, us, owned(logId({ region: 'us', lineage: 1, partition: 0 }), 3))],
  ])('lets a cut follow that %s', (_title, next) => {
    expect(() => assertSuccessor(before, next)).not.toThrow();
  });

  it('lets the first cut follow nothing', () => {
    expect(() => assertSuccessor(EMPTY_CUT, before)).not.toThrow();
  });

  const bent = (log: CutLog, at: number, change: Partial<CutLog['segments'][number]>): CutLog => ({
    ...log, segments: log.segments.map((segment, i) => (i === at ? { ...segment, ...change } : segment)),
  });

  it.each<[string, Cut]>([
    ['skips a number', cut(3, eu, us)],
    ['has the same number', cut(1, eu, us)],
    ['leaves out a log', cut(2, eu)],
    ['takes an offset back', cut(2, eu, { ...us, offset: 4 })],
    ['leaves out a segment', cut(2, { ...eu, segments: eu.segments.slice(0, 1) }, us)],
    ['moves the start of a segment', cut(2, bent(eu, 1, { from: 9 }), us)],
    ['gives a segment another stream', cut(2, bent(eu, 1, { stream: 'eu.0.0~2' as StreamId }), us)],
    ['gives a segment another writer', cut(2, bent(eu, 1, { writer: 'eu' }), us)],
    ['adds manifests to a segment that is closed', cut(2, bent(eu, 0, { manifests: 2 }), us)],
    ['takes manifests from a segment', cut(2, eu, bent(us, 0, { manifests: 0 }))],
    ['opens a stream below its offset', cut(2, eu, { ...takenOver(us, 'eu'), offset: 6 })],
    ['opens a stream beyond its offset', cut(2, eu, bent(takenOver(us, 'eu'), 1, { from: 6 }))],
    ['opens a stream of another log', cut(2, eu, bent(takenOver(us, 'eu'), 1, { stream: streamId(EU, 1) }))],
    ['skips a stream', cut(2, eu, bent(takenOver(us, 'eu'), 1, { stream: streamId(US, 2) }))],
    ['adds a log without a segment', cut(2, eu, us, { ...owned(logId({ region: 'us', lineage: 1, partition: 0 }), 3), segments: [] })],
    ['does not sort its logs', cut(2, us, eu)],
    ['lists a log twice', cut(2, eu, eu, us)],
  ])('refuses a cut that %s', (_title, next) => {
    expect(() => assertSuccessor(before, next)).toThrow(InvariantViolation);
  });
});
