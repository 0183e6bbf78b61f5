import { createHash } from 'node:crypto';
import type { Hash } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { Continuity } from './continuity';
import type { LastManifest } from './fingerprint';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const record = (offset: number, epoch: number): LogRecord => ({ partition: 0, value: Uint8Array.of(offset), offset, epoch, time: 0 });
const MANIFEST: LastManifest = { number: 3, end: 5, fingerprint: { epoch: 1, sha256: 'of the record at 4' }, next: 5 };

describe('a reader of a log', () => {
  let lookedUp: LastManifest[];
  let continuity: Continuity;
  beforeEach(() => {
    lookedUp = [];
    continuity = new Continuity(hash, async (last) => void lookedUp.push(last));
  });

  async function offer(...records: readonly LogRecord[]): Promise<void> {
    for (const one of records) {
      if (!continuity.isSame(one)) await continuity.assertFollows(one);
      continuity.take(one);
    }
  }

  it('looks nothing up while the leader is the same', async () => {
    continuity.open(MANIFEST);
    await offer(record(5, 1), record(6, 1));
    expect(lookedUp).toEqual([]);
  });

  it('looks up the record that it took last whenever another leader wrote the next', async () => {
    continuity.open(MANIFEST);
    await offer(record(5, 1), record(6, 2), record(7, 2), record(8, 4));
    expect(lookedUp.map(({ end, fingerprint }) => [end, fingerprint?.epoch])).toEqual([[6, 1], [8, 2]]);
    expect(lookedUp[0]?.fingerprint?.sha256).toBe(hash.bytes(Uint8Array.of(5)));
  });

  it('looks up what the last manifest was made from when the first record is of another leader', async () => {
    continuity.open(MANIFEST);
    await offer(record(5, 2));
    expect(lookedUp).toEqual([MANIFEST]);
  });

  it('has nothing to look up at the start of a stream', async () => {
    for (const nothing of [undefined, { number: 0, end: 0, fingerprint: undefined, next: 0 }]) {
      continuity.open(nothing);
      await offer(record(0, 7), record(1, 7));
    }
    expect(lookedUp).toEqual([]);
  });

  it('goes on asking, and takes nothing, until the record is found to follow', async () => {
    continuity = new Continuity(hash, () => Promise.reject(new RangeError('not there')));
    continuity.open(MANIFEST);
    await expect(offer(record(5, 2))).rejects.toThrow('not there');
    await expect(offer(record(5, 2))).rejects.toThrow('not there');
  });
});
