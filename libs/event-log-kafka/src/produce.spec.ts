import type { Draft } from '@meridian/event-log';
import { CompressionTypes } from 'kafkajs';
import { requests } from 'kafkajs/src/protocol/requests';
import fc from 'fast-check';
import { encodeProduce, type Batch } from './produce';
import { BATCH_FRAME_BYTES, draftBytes } from './record';

const ACKS = -1;
const TIMEOUT_MS = 10_000;
const TOPIC = 'événements';

const text = fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 300 }) }, fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }));
const draft: fc.Arbitrary<Draft> = fc.record(
  {
    partition: fc.constant(0),
    key: text,
    value: fc.uint8Array({ maxLength: 300 }),
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), text, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['partition', 'key', 'value'] },
);
const drafts = fc.array(draft, { minLength: 1, maxLength: 20 });
const batches = fc.array(fc.record({ partition: fc.integer({ min: 0, max: 100_000 }), drafts }), { minLength: 1, maxLength: 3 });

describe('a produce request', () => {
  it('is byte by byte what kafkajs writes, whatever the records and the version', async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.constantFrom(3, 4, 5, 6, 7), fc.boolean(), fc.integer({ min: 1, max: 2 ** 45 }), async (given, version, gzip, time) => {
        expect((await written(given, { gzip, time })).equals(await writtenByKafkajs(given, { version, gzip, time }))).toBe(true);
      }),
    );
  });

  // Places from 64 on take a second byte, from 8,192 on a third.
  it.each([64, 65, 8_192, 8_193])('is so for a batch of %i records', async (count) => {
    const given = [{ partition: 1, drafts: Array.from({ length: count }, (_, i) => ({ partition: 1, key: 'k', value: new Uint8Array(i % 70) })) }];
    const options = { version: 7, gzip: false, time: 1 };
    expect((await written(given, options)).equals(await writtenByKafkajs(given, options))).toBe(true);
  });

  it.each([8_150, 8_192, 1_050_000, 4_000_000])('is so for a value of %i bytes', async (length) => {
    const given = [{ partition: 1, drafts: [{ partition: 1, key: 'k', value: new Uint8Array(length).fill(7) }] }];
    const options = { version: 7, gzip: false, time: 1 };
    expect((await written(given, options)).equals(await writtenByKafkajs(given, options))).toBe(true);
  });

  it('takes no more than the records are said to take', async () => {
    await fc.assert(
      fc.asyncProperty(drafts, async (given) => {
        const bytes = await written([{ partition: 0, drafts: given }], { gzip: false, time: 1 });
        expect(bytes.length - Buffer.byteLength(TOPIC)).toBeLessThanOrEqual(given.reduce((sum, one) => sum + draftBytes(one), BATCH_FRAME_BYTES));
      }),
    );
  });
});

interface Options {
  readonly gzip: boolean;
  readonly time: number;
}

function written(given: readonly Batch[], options: Options): Promise<Buffer> {
  return encodeProduce({ topic: TOPIC, acks: ACKS, timeoutMs: TIMEOUT_MS, batches: given, ...options });
}

async function writtenByKafkajs(given: readonly Batch[], { version, gzip, time }: Options & { readonly version: number }): Promise<Buffer> {
  const partitions = given.map(({ partition, drafts: of }) => ({ partition, firstSequence: 0, messages: of.map((one) => messageOf(one, time)) }));
  const { request } = requests.Produce.protocol({ version })({
    acks: ACKS, timeout: TIMEOUT_MS, compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None, topicData: [{ topic: TOPIC, partitions }],
  });
  return (await request.encode()).buffer;
}

function messageOf({ key, value, headers }: Draft, time: number): object {
  return { key: Buffer.from(key), value: Buffer.from(value), timestamp: time, ...(headers && { headers }) };
}
