import { createHash } from 'node:crypto';
import type { Hash } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { checkFingerprint, fingerprintOf, type LastManifest } from './fingerprint';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const record = (offset: number, epoch = 1): LogRecord => ({ partition: 0, value: Uint8Array.of(offset), offset, epoch, time: 0 });
const FOLDED: LastManifest = { number: 2, end: 5, fingerprint: fingerprintOf(record(4), hash), next: 5 };
const UNFOLDED: LastManifest = { number: 0, end: 5, fingerprint: undefined, next: 5 };

/** What the log says of itself, and what it answers when it is asked for the record before the manifest's end. */
const check = (start: number, end: number, answer: readonly LogRecord[], last = FOLDED): ReturnType<typeof checkFingerprint> =>
  checkFingerprint({ log: { read: () => Promise.resolve(answer) }, hash }, { partition: 0, start, end }, last);

describe('whether a log is the one that was folded', () => {
  it.each([
    ['same', 'the record is there', 0, 9, [record(4)]],
    ['same', 'retention removed exactly what was folded', 5, 9, []],
    ['gap', 'retention removed more than that', 6, 9, []],
    ['truncated', 'it ends before', 0, 4, []],
    ['truncated', 'another record is there', 0, 9, [record(3)]],
    ['truncated', 'the record is of another leader', 0, 9, [record(4, 2)]],
  ] as const)('says %s when %s', async (expected, _, start, end, answer) => {
    expect(await check(start, end, answer)).toBe(expected);
  });

  it.each([
    ['same', 'it has everything from there on', 5, 9],
    ['same', 'it has what was there before it was registered, too', 0, 5],
    ['gap', 'retention went beyond', 6, 9],
    ['truncated', 'it ends before', 0, 4],
  ] as const)('says %s of one of which nothing is folded when %s', async (expected, _, start, end) => {
    expect(await check(start, end, [], UNFOLDED)).toBe(expected);
  });

  it.each([['same', 3], ['gap', 4]] as const)('says %s where a takeover goes on before the last manifest and the log begins at %i', async (expected, start) => {
    expect(await check(start, 9, [record(4)], { ...FOLDED, number: 0, next: 3 })).toBe(expected);
  });

  it('cannot be told while the log gives nothing where it says that it has something', async () => {
    await expect(check(0, 5, [])).rejects.toMatchObject({ code: 'log_unavailable', retryable: true, partition: 0 });
  });
});
