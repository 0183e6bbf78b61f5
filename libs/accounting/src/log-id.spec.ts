import fc from 'fast-check';
import { InvariantViolation } from './invariant';
import {
  compareLogs, logId, logKey, parseLogId, parseStreamId, streamFromKey, streamId, streamKey, type LogId, type StreamId,
} from './log-id';

const region = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const number = fc.oneof(fc.nat({ max: 99_999 }), fc.nat({ max: 12 }), fc.constantFrom(0, 9, 10, 99_999));
const logName = fc.record({ region: fc.oneof(region, fc.constantFrom('eu', 'eu-', 'EU', 'eu0')), lineage: number, partition: number });

describe('log and stream names', () => {
  it('come apart as they were put together', () => {
    fc.assert(
      fc.property(logName, number, (name, j) => {
        const log = logId(name);
        const stream = streamId(log, j);
        expect(parseLogId(log)).toEqual(name);
        expect(parseStreamId(stream)).toEqual({ log, number: j });
        expect(streamFromKey(streamKey(stream))).toBe(stream);
      }),
    );
  });

  it('read as documented', () => {
    const log = logId({ region: 'eu-west-1', lineage: 0, partition: 2 });
    expect(log).toBe('eu-west-1.0.2');
    expect(streamId(log, 1)).toBe('eu-west-1.0.2~1');
    expect(logKey(log)).toBe('eu-west-1.00000.00002');
    expect(streamKey(streamId(log, 1))).toBe('eu-west-1.00000.00002~00001');
  });

  it.each(['', 'a.b', 'ü', 'x'.repeat(65), 'a b', 'a~b'])('refuse a region called "%s"', (name) => {
    expect(() => logId({ region: name, lineage: 0, partition: 0 })).toThrow(InvariantViolation);
  });

  it.each([-1, 0.5, NaN, 100_000])('refuse the number %d', (bad) => {
    expect(() => logId({ region: 'eu', lineage: bad, partition: 0 })).toThrow(InvariantViolation);
    expect(() => logId({ region: 'eu', lineage: 0, partition: bad })).toThrow(InvariantViolation);
    expect(() => streamId('eu.0.0' as LogId, bad)).toThrow(InvariantViolation);
  });

  it.each(['', 'eu', 'eu.0', 'eu.00.1', 'eu.0.1.2', 'eu.0.x', 'eu.0.123456'])('do not take "%s" for a log', (text) => {
    expect(() => parseLogId(text as LogId)).toThrow(InvariantViolation);
  });

  it.each(['', 'eu.0.1', 'eu.0.1~', 'eu.0.1~x', 'eu.0.1~01', '~1'])('do not take "%s" for a stream', (text) => {
    expect(() => parseStreamId(text as StreamId)).toThrow(InvariantViolation);
  });

  it.each(['', 'eu.0.1~0', 'eu.00000.00001~0000', 'eu.00000.00001'])('do not take "%s" for a stream key', (text) => {
    expect(() => streamFromKey(text)).toThrow(InvariantViolation);
  });
});

describe('compareLogs', () => {
  it('orders regions by bytes and numbers as numbers', () => {
    const sorted = ['EU.0.0', 'eu.0.2', 'eu.0.10', 'eu.2.0', 'eu.10.0', 'eu-.0.0', 'eu0.0.0'] as LogId[];
    expect([...sorted].reverse().sort(compareLogs)).toEqual(sorted);
  });

  it('is an order: antisymmetric, and transitive', () => {
    fc.assert(
      fc.property(logName, logName, logName, (x, y, z) => {
        const [a, b, c] = [logId(x), logId(y), logId(z)];
        expect(Math.sign(compareLogs(a, b))).toBe(-Math.sign(compareLogs(b, a)) + 0);
        if (compareLogs(a, b) <= 0 && compareLogs(b, c) <= 0) expect(compareLogs(a, c)).toBeLessThanOrEqual(0);
        expect(compareLogs(a, b) === 0).toBe(a === b);
      }),
    );
  });

  it('orders logs and streams of one region as their keys are ordered', () => {
    fc.assert(
      fc.property(logName, logName, (x, y) => {
        const [a, b] = [logId(x), logId({ ...y, region: x.region })];
        expect(Math.sign(compareLogs(a, b))).toBe(logKey(a) < logKey(b) ? -1 : logKey(a) > logKey(b) ? 1 : 0);
      }),
    );
  });
});
