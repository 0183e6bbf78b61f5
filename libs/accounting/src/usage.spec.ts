import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { BUCKETS } from './bucket';
import type { Hash } from './environment';
import { Shapes, type Dimensions } from './shape';
import { Usage, usageLineFromJson, usageLineToJson } from './usage';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);
const MAX = Number.MAX_SAFE_INTEGER;

const hour = fc.constantFrom(0, 9, 10, 492_322, 492_323);
const region = fc.constantFrom('eu', 'eu-1', 'us');
const dimensions: fc.Arbitrary<Dimensions> = fc.record({
  provider: fc.constantFrom('a', 'b'), model: fc.constantFrom('m', 'ü'), operation: fc.constantFrom('', 'a'), tier: fc.constant(''),
  inferenceRegion: fc.constant(''), counted: fc.constantFrom('reported', 'estimated'),
});
const count = fc.oneof(fc.nat({ max: 5 }), fc.maxSafeNat(), fc.constant(MAX));
/** An event, or (without counts) a record that repeated one. */
const event = fc.record({
  hour, region, dimensions, mask: fc.integer({ min: 1, max: 511 }), isRepeat: fc.boolean(),
  counts: fc.array(count, { minLength: 9, maxLength: 9 }),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;
const events = fc.array(event, { maxLength: 25 });

function usageOf(given: readonly Event[]): Usage {
  const usage = new Usage();
  for (const one of given) {
    const shape = shapes.usage(one.dimensions, one.mask);
    if (one.isRepeat) usage.addDuplicates(one.hour, one.region, shape, 1);
    else usage.addEvent(one.hour, one.region, shape, shape.buckets.map((bucket) => one.counts[bucket]!));
  }
  return usage;
}

interface NaiveLine {
  hour: number;
  region: string;
  dimensions: Dimensions;
  events: number;
  duplicates: number;
  tokens: Record<string, bigint>;
}

/** The same sum, written down from its definition. */
function naive(given: readonly Event[]): NaiveLine[] {
  const lines = new Map<string, NaiveLine>();
  for (const one of given) {
    const { provider, model, operation, tier, inferenceRegion, counted } = one.dimensions;
    const key = JSON.stringify([one.hour, one.region, provider, model, operation, tier, inferenceRegion, counted]);
    const line = lines.get(key) ?? { hour: one.hour, region: one.region, dimensions: one.dimensions, events: 0, duplicates: 0, tokens: {} };
    lines.set(key, line);
    if (one.isRepeat) line.duplicates++;
    else {
      line.events++;
      BUCKETS.forEach((bucket, i) => {
        if (one.mask & (1 << i)) line.tokens[bucket] = (line.tokens[bucket] ?? 0n) + BigInt(one.counts[i]!);
      });
    }
  }
  return [...lines.values()];
}

/** What usage says, with the buckets that sum up to zero left out: after subtracting, a zero and an absent bucket are alike. */
function nonZero(usage: Usage): unknown[] {
  return usage.lines().map((line) => {
    const tokens = Object.entries(line.tokens).filter(([, value]) => value !== 0n);
    return { ...line, tokens: Object.fromEntries(tokens) };
  });
}

describe('Usage', () => {
  it('equals a sum written down from its definition', () => {
    fc.assert(
      fc.property(events, (given) => {
        const lines = usageOf(given).lines();
        expect(lines).toHaveLength(naive(given).length);
        expect(lines).toEqual(expect.arrayContaining(naive(given)));
      }),
    );
  });

  it('is sorted by hour, then region, then dimensions', () => {
    fc.assert(
      fc.property(events, (given) => {
        const keys = usageOf(given).lines().map((line) => [line.hour, line.region, ...(Object.values(line.dimensions) as string[])]);
        const sorted = [...keys].sort((a, b) => {
          const at = a.findIndex((part, i) => part !== b[i]);
          return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
        });
        expect(keys).toEqual(sorted);
      }),
    );
  });

  it('is the same in any order and from any parts', () => {
    fc.assert(
      fc.property(events, events, events, (a, b, c) => {
        const whole = usageOf([...a, ...b, ...c]);
        const parts = usageOf(c);
        parts.addUsage(usageOf(a));
        for (const line of usageOf(b).lines()) parts.addLine(line);
        expect(parts.lines()).toEqual(whole.lines());
        expect(usageOf([...c, ...b, ...a].reverse()).lines()).toEqual(whole.lines());
      }),
    );
  });

  it('gives back what is taken away', () => {
    fc.assert(
      fc.property(events, events, (a, b) => {
        const usage = usageOf([...a, ...b]);
        usage.addUsage(usageOf(b), -1);
        expect(nonZero(usage)).toEqual(nonZero(usageOf(a)));
        usage.addUsage(usageOf(a), -1);
        expect(usage.isEmpty).toBe(true);
        expect(usage.lines()).toEqual([]);
      }),
    );
  });

  it('remembers the hours of what has become zero', () => {
    const usage = usageOf([]);
    const shape = shapes.usage({ provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' }, 1);
    usage.addDuplicates(5, 'eu', shape, 1);
    usage.addDuplicates(5, 'eu', shape, -1);
    expect(usage.isEmpty).toBe(true);
    expect([...usage.hours()]).toEqual([5]);
  });

  it('is not changed by voids', () => {
    const usage = new Usage();
    usage.addEvent(1, 'eu', shapes.void('why'), []);
    usage.addDuplicates(1, 'eu', shapes.void('why'), 1);
    expect(usage.isEmpty).toBe(true);
  });

  it('shows an event whose counts are all zero', () => {
    const usage = new Usage();
    const shape = shapes.usage({ provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' }, 1);
    usage.addEvent(1, 'eu', shape, [0]);
    expect(usage.lines()).toMatchObject([{ events: 1, tokens: { input: 0n } }]);
  });

  it('is exact beyond 2^53', () => {
    const usage = new Usage();
    const shape = shapes.usage({ provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' }, 1);
    for (let i = 0; i < 3; i++) usage.addEvent(1, 'eu', shape, [MAX]);
    expect(usage.lines()[0]?.tokens).toEqual({ input: 3n * BigInt(MAX) });
  });
});

describe('a line of usage', () => {
  it('comes back from JSON as it was', () => {
    fc.assert(
      fc.property(events, (given) => {
        for (const line of usageOf(given).lines()) {
          const json = JSON.parse(JSON.stringify(usageLineToJson(line))) as ReturnType<typeof usageLineToJson>;
          expect(usageLineFromJson(json)).toEqual(line);
        }
      }),
    );
  });
});
