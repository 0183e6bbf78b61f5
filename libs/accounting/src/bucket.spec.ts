import fc from 'fast-check';
import { addTokens, BUCKETS, tokensFromJson, tokensToJson, TokenSum, type Bucket, type TokenTotals } from './bucket';
import { AccountingError } from './errors';

const MAX = Number.MAX_SAFE_INTEGER;
const anyCount = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, MAX, MAX - 1));
const anyCounts = fc
  .uniqueArray(fc.nat({ max: BUCKETS.length - 1 }), { maxLength: BUCKETS.length })
  .chain((buckets) => fc.tuple(fc.constant(buckets), fc.array(anyCount, { minLength: buckets.length, maxLength: buckets.length })));
const anyTotals: fc.Arbitrary<TokenTotals> = fc
  .dictionary(fc.constantFrom(...BUCKETS), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }))
  .map((totals) => ({ ...totals }));

describe('TokenSum', () => {
  it('is exact however many counts of up to 2^53 − 1 are added', () => {
    fc.assert(
      fc.property(fc.array(anyCounts), (events) => {
        const sum = new TokenSum();
        const expected: Partial<Record<Bucket, bigint>> = {};
        for (const [buckets, values] of events) {
          sum.add(buckets, values);
          buckets.forEach((bucket, i) => {
            const name = BUCKETS[bucket]!;
            expected[name] = (expected[name] ?? 0n) + BigInt(values[i]!);
          });
        }
        expect(sum.totals()).toEqual(expected);
      }),
    );
  });

  it('is exact far beyond 2^53', () => {
    const sum = new TokenSum();
    for (let i = 0; i < 1_000; i++) sum.add([4], [MAX]);
    sum.add([4], [1]);
    expect(sum.totals()).toEqual({ output: 1_000n * BigInt(MAX) + 1n });
  });

  it('keeps absent and zero apart', () => {
    const sum = new TokenSum();
    expect(sum.totals()).toEqual({});
    sum.add([0], [0]);
    expect(sum.totals()).toEqual({ input: 0n });
  });

  it('mixes counts and totals', () => {
    const sum = new TokenSum();
    sum.add([0], [MAX]);
    sum.addTotals({ input: 2n ** 70n, reasoning: 3n });
    sum.add([0], [1]);
    sum.addTotals({ input: 5n }, -1);
    expect(sum.totals()).toEqual({ input: 2n ** 70n + BigInt(MAX) - 4n, reasoning: 3n });
  });
});

describe('addTokens', () => {
  it('is commutative and associative', () => {
    fc.assert(
      fc.property(anyTotals, anyTotals, anyTotals, (a, b, c) => {
        expect(addTokens(a, b)).toEqual(addTokens(b, a));
        expect(addTokens(addTokens(a, b), c)).toEqual(addTokens(a, addTokens(b, c)));
      }),
    );
  });

  it('takes away what it added, leaving zeros where something was', () => {
    fc.assert(
      fc.property(anyTotals, anyTotals, (a, b) => {
        const difference = addTokens(addTokens(a, b), b, -1);
        for (const bucket of BUCKETS) expect(difference[bucket] ?? 0n).toBe(a[bucket] ?? 0n);
      }),
    );
  });
});

describe('totals as JSON', () => {
  it('come back as they were, at any size', () => {
    fc.assert(
      fc.property(anyTotals, (totals) => {
        const json = JSON.parse(JSON.stringify(tokensToJson(totals))) as ReturnType<typeof tokensToJson>;
        expect(tokensFromJson(json)).toEqual(totals);
      }),
    );
  });

  it('list the buckets in their own order, whatever the order they were given in', () => {
    expect(JSON.stringify(tokensToJson({ output: 2n, input: 1n }))).toBe('{"input":"1","output":"2"}');
  });

  it.each([[''], ['1.0'], ['0x10'], [' 1'], ['1e3'], ['01'], ['+1'], ['NaN']])('are refused when a sum says "%s"', (value) => {
    expect(() => tokensFromJson({ input: value })).toThrow(AccountingError);
  });

  it('are refused when they name an unknown bucket', () => {
    expect(() => tokensFromJson(JSON.parse('{"inputs":"1"}') as object)).toThrow(AccountingError);
  });
});
