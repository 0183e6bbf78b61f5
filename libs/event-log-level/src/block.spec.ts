import fc from 'fast-check';
import type { Draft } from '@meridian/event-log';
import { BlockBuilder, decodeHead, decodeRecords } from './block';

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const drafts = fc.array(
  fc.record({
    partition: fc.constant(7),
    key: text,
    value: fc.uint8Array({ maxLength: 20_000 }),
    headers: fc.option(fc.dictionary(text, text, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('a block', () => {
  it('gives back any range of what was put into it', () => {
    const range = fc.tuple(fc.nat(40), fc.nat(40));
    fc.assert(
      fc.property(drafts, range, fc.maxSafeNat().map((n) => Math.max(0, n - 100)), (given, [from, length], base) => {
        const block = new BlockBuilder();
        for (const { headers, ...draft } of given) block.add(headers ? { ...draft, headers } : draft);
        const bytes = block.seal(1_700_000_000_000, 3);
        const records = decodeRecords(bytes, { partition: 7, base, from: base + from, to: base + from + length });
        const expected = given.map(({ key: _, ...draft }, i) => ({ ...draft, offset: base + i, time: 1_700_000_000_000, epoch: 3 })).slice(from, from + length);
        expect(decodeHead(bytes)).toEqual({ time: 1_700_000_000_000, epoch: 3, count: given.length });
        expect(records.map(plain)).toEqual(expected.map(plain));
      }),
      { numRuns: 100 },
    );
  });

  it('is full at its bound, and not before', () => {
    const block = new BlockBuilder();
    const draft: Draft = { partition: 0, key: 'k', value: new Uint8Array(1_000) };
    while (!block.isFull) block.add(draft);
    expect([block.count, block.size]).toEqual([66, 14 + 66 * 1_004]);
  });
});

/** Values compare by their bytes, whatever array holds them. */
function plain({ value, ...rest }: { readonly value: Uint8Array }): unknown {
  return { ...rest, value: Buffer.from(value).toString('hex') };
}
