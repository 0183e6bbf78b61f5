import fc from 'fast-check';
import { BUCKETS } from './bucket';
import type { MeridianEvent, UsageEvent } from './event';
import { encodeRecord } from './record';
import { RecordWriter } from './record-writer';

const usage: UsageEvent = {
  kind: 'usage', tenant: 'acme', source: 'chat', id: 'evt-1', session: 's', time: 1_772_359_200_000, provider: 'openai', model: 'gpt-4o-mini',
  counted: 'reported', tokens: { input: 3, output: 5 },
};

// Mostly the usual text, and whatever a string can hold: quotes, control characters, half of a surrogate pair.
const text = fc.oneof({ weight: 6, arbitrary: fc.stringMatching(/^[\w .:/-]{0,40}$/) }, fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('"', '\\', '\u007f', 'ü', '\ud800'));
const count = fc.oneof(fc.maxSafeNat(), fc.nat(2_000), fc.constantFrom(0, 9, 10, 999_999_999, 1_000_000_000, 1_000_000_001, 2 ** 31, 2 ** 32, 2 ** 53 - 1));
const head = { tenant: text, source: text, id: text, session: text, time: count };
const anyUsage: fc.Arbitrary<UsageEvent> = fc.record(
  {
    ...head, kind: fc.constant('usage' as const), provider: text, model: text, counted: fc.constantFrom('reported', 'estimated'),
    tokens: fc.dictionary(fc.constantFrom(...BUCKETS), count, { noNullPrototype: true }),
    operation: text, tier: text, inferenceRegion: text, requestId: text,
    attributes: fc.dictionary(fc.oneof(text, fc.nat(30).map(String)), text, { maxKeys: 5, noNullPrototype: true }),
  },
  { requiredKeys: ['kind', 'tenant', 'source', 'id', 'session', 'time', 'provider', 'model', 'counted', 'tokens'] },
);
const anyVoid: fc.Arbitrary<MeridianEvent> = fc.record({ ...head, kind: fc.constant('void' as const), target: fc.record({ source: text, id: text }), reason: text });

describe('RecordWriter', () => {
  it('writes the bytes of encodeRecord, whatever the event, and none of them changes later', () => {
    const writer = new RecordWriter();
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: anyUsage }, anyVoid), { maxLength: 30 }), (events) => {
        const values = events.map((event) => writer.write(event));
        expect(values.map(textOf)).toEqual(events.map((event) => textOf(new TextEncoder().encode(encodeRecord(event)))));
      }),
      { numRuns: 300 },
    );
  });

  it.each([NaN, Infinity, -1, 0.5, 1e21, 2 ** 53])('leaves a number that no event has to encodeRecord: %p', (odd) => {
    for (const event of [{ ...usage, time: odd }, { ...usage, tokens: { input: odd } }]) expect(textOf(new RecordWriter().write(event))).toBe(encodeRecord(event));
  });

  it('writes texts as long as they come, and beyond the memory it has left', () => {
    const writer = new RecordWriter();
    for (const length of [1, 60_000, 3_000, 70_000, 1, 200_000, 64_000]) {
      const event = { ...usage, session: 'x'.repeat(length), attributes: { ['y'.repeat(length)]: 'z'.repeat(length) } };
      expect(textOf(writer.write(event)) === encodeRecord(event)).toBe(true);
    }
  });

  it('writes every bucket at its most with every text at its longest', () => {
    const long = 'x'.repeat(256);
    const event: UsageEvent = {
      kind: 'usage', tenant: long, source: long, id: long, session: long, time: Number.MAX_SAFE_INTEGER, provider: long, model: long, operation: long, tier: long,
      inferenceRegion: long, requestId: long, counted: 'estimated', tokens: Object.fromEntries(BUCKETS.map((bucket) => [bucket, Number.MAX_SAFE_INTEGER])),
      attributes: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${i}`, ''])),
    };
    const writer = new RecordWriter();
    for (let i = 0; i < 100; i++) expect(textOf(writer.write(event))).toBe(encodeRecord(event));
  });
});

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
