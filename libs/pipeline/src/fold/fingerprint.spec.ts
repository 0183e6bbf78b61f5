import { createHash } from 'node:crypto';
import type { Hash } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { checkFingerprint, fingerprintOf, type LastManifest } from './fingerprint';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const record = (offset: number, epoch = 1): LogRecord => ({ partition: 0, value: Uint8Array.of(offset), offset, epoch, time: 0 });
const FOLDED: LastManifest = { number: 2, end: 5, fingerprint: fingerprintOf(record(4), hash) };

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

  it('cannot be told while the log gives nothing where it says that it has something', async () => {
    await expect(check(0, 5, [])).rejects.toMatchObject({ code: 'log_unavailable', retryable: true, partition: 0 });
  });
});
