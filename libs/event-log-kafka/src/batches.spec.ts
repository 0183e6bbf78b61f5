import type { LogRecord } from '@meridian/event-log';
import fc from 'fast-check';
import { readBatches, type Source } from './batches';
import { APPEND_TIME, ATTRIBUTES_AT, sealed, stored, type StoredBatch, type StoredRecord } from './batches.fixture';

const MAGIC_AT = 16;
const CRC_AT = 17;
const RECORDS_AT = 61;
const source: Source = { topic: 'events', partition: 3, offset: 0 };

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const record: fc.Arbitrary<StoredRecord> = fc.record({
  key: fc.option(text),
  value: fc.option(text),
  headers: fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), { maxKeys: 3, noNullPrototype: true }),
});
/** From offsets and times of any size on, without gaps. */
const batches: fc.Arbitrary<StoredBatch[]> = fc
  .tuple(fc.nat({ max: 2 ** 40 }), fc.array(fc.record({ time: fc.nat({ max: 2 ** 45 }), epoch: fc.nat(), isCompressed: fc.boolean(), records: fc.array(record, { minLength: 1, maxLength: 5 }) }), { minLength: 1, maxLength: 4 }))
  .map(([start, all]) => {
    let base = start;
    return all.map((one) => {
      const batch = { ...one, base };
      base += one.records.length;
      return batch;
    });
  });

/** What is to be read of them. */
function recordsOf(all: readonly StoredBatch[]): LogRecord[] {
  return all.flatMap(({ base, time, epoch, records }) =>
    records.map(({ value, headers }, i) => {
      const one = { partition: source.partition, offset: base + i, time, epoch, value: Buffer.from(value ?? '') };
      const named = Object.entries(headers).map(([name, texts]) => [name, typeof texts === 'string' ? texts : (texts.at(-1) ?? '')] as const);
      return named.length === 0 ? one : { ...one, headers: Object.fromEntries(named) };
    }),
  );
}

/** So that they compare whatever class their bytes are of. */
function plain(records: readonly LogRecord[]): object[] {
  return records.map((one) => ({ ...one, value: Buffer.from(one.value).toString('hex') }));
}

describe('reading the batches of a fetch', () => {
  it('reads what kafkajs wrote, compressed or not, from any offset on', async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(), async (all, skip) => {
        const expected = recordsOf(all);
        const from = skip % expected.length;
        const bytes = Buffer.concat(await Promise.all(all.map(stored)));
        const read = await readBatches(bytes, { ...source, offset: expected[from]?.offset ?? 0 });
        expect(plain(read)).toEqual(plain(expected.slice(from)));
      }),
    );
  });

  it('leaves out a last batch that is cut off, wherever that is', async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(), async (all, cut) => {
        const [last, whole] = [all.at(-1) as StoredBatch, all.slice(0, -1)];
        const bytes = await stored(last);
        const before = await Promise.all(whole.map(stored));
        const read = await readBatches(Buffer.concat([...before, bytes.subarray(0, cut % bytes.length)]), { ...source, offset: all[0]?.base ?? 0 });
        expect(plain(read)).toEqual(plain(recordsOf(whole)));
      }),
    );
  });
});

describe('batches that are not as the log needs them', () => {
  const one: StoredBatch = { base: 0, time: 1, epoch: 0, isCompressed: false, records: [{ key: 'k', value: 'v', headers: {} }, { key: 'k', value: 'w', headers: { a: 'b' } }] };

  it("are refused when they carry the publisher's time", async () => {
    const bytes = await stored(one);
    bytes[ATTRIBUTES_AT] = 0;
    await expect(readBatches(sealed(bytes), source)).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('message.timestamp.type') as string });
  });

  it.each([['of a transaction, which may be aborted', 0x10], ['that mark the end of one', 0x30], ['of marks outside of any', 0x20]])('are refused when they are %s', async (_, flags) => {
    const bytes = await stored(one);
    bytes[ATTRIBUTES_AT] = APPEND_TIME | flags;
    await expect(readBatches(sealed(bytes), source)).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('by a transaction') as string });
  });

  it('are refused in a format that knows no leader epoch', async () => {
    const bytes = await stored(one);
    bytes[MAGIC_AT] = 1;
    await expect(readBatches(bytes, source)).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('format 1') as string });
  });

  it('are refused when offsets are missing, at their start or between them', async () => {
    const bytes = Buffer.concat([await stored(one), await stored({ ...one, base: 3 })]);
    await expect(readBatches(bytes, source)).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('goes on at 3 after 1') as string });
    await expect(readBatches(await stored({ ...one, base: 3 }), source)).rejects.toMatchObject({ code: 'log_invalid' });
  });

  it('are refused when any byte of what they say is damaged', async () => {
    const bytes = await stored(one);
    for (const at of [...bytes.keys()].slice(CRC_AT)) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      await expect(readBatches(damaged, source)).rejects.toMatchObject({ code: 'log_unavailable', message: expect.stringContaining('checksum of the batch at 3:0') as string });
    }
  });

  it('never give anything but the records or a refusal when they were written wrongly', async () => {
    const bytes = await stored(one);
    const lengths = [...bytes.keys()].slice(RECORDS_AT);
    let refused = 0;
    for (const at of lengths) {
      const wrong = Buffer.from(bytes);
      wrong[at] = 0xff;
      const answer: unknown = await readBatches(sealed(wrong), source).catch((error: unknown) => error);
      if (Array.isArray(answer)) expect(answer.map(({ offset }: LogRecord) => offset)).toEqual([0, 1]);
      else expect(answer).toMatchObject({ code: expect.stringMatching(/^log_(unavailable|invalid)$/) as string });
      if (!Array.isArray(answer)) refused++;
    }
    expect(refused).toBeGreaterThan(0);
  });
});
