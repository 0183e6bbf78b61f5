import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { ByteWriter } from './bytes';
import { decodeDelta, DELTA_ENTRIES_MAX, deltaFlags, encodeDelta } from './delta';
import type { Entry } from './entry';
import type { Hash } from './environment';
import { AccountingError } from './errors';
import type { Identity } from './identity';
import { InvariantViolation } from './invariant';
import { Shapes, type Dimensions, type Shape } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);
const MAX = Number.MAX_SAFE_INTEGER;
/** DynamoDB's limit of an item, less its keys. */
const ITEM_BYTES_MAX = 400 * 1024 - 3_000;

const identity = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('latin1') as Identity);
const number = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 300 }), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, MAX));
const text = fc.oneof(fc.constant(''), fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 8 }), fc.constant('\ufeffx'));
const dimensions: fc.Arbitrary<Dimensions> = fc.record({
  provider: text, model: text, operation: text, tier: text, inferenceRegion: text, counted: fc.constantFrom('reported', 'estimated'),
});
const shape = fc.tuple(dimensions, fc.integer({ min: 1, max: 511 })).map(([given, mask]) => shapes.usage(given, mask));
const usageEntry = (anyShape: typeof shape): fc.Arbitrary<Entry> =>
  anyShape.chain((given) =>
    fc.record({
      identity, offset: number, time: number, shape: fc.constant(given), target: fc.constant('' as const),
      tokens: fc.array(number, { minLength: given.buckets.length, maxLength: given.buckets.length }),
    }),
  );
const voidEntry: fc.Arbitrary<Entry> = fc.record({
  identity, offset: number, time: number, shape: text.map((reason) => shapes.void(reason)), tokens: fc.constant([]), target: identity,
});
/** A few entries of a few shapes, among them voids and entries of one identity. */
const entries: fc.Arbitrary<Entry[]> = fc
  .array(shape, { minLength: 1, maxLength: 4 })
  .chain((some) => {
    const entryOfSome = fc.oneof({ weight: 5, arbitrary: usageEntry(fc.constantFrom(...some)) }, { weight: 1, arbitrary: voidEntry });
    return fc.tuple(fc.array(entryOfSome, { minLength: 1, maxLength: 30 }), fc.nat({ max: 3 }), number);
  })
  .map(([some, again, offset]) => [...some, ...some.slice(0, again).map((entry) => ({ ...entry, offset }))]);

function sorted(given: readonly Entry[]): Entry[] {
  return [...given].sort((a, b) => (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : a.offset - b.offset));
}

function plain(bucketMask: number): Shape {
  const { provider, counted } = { provider: 'openai', counted: 'reported' } as const;
  return shapes.usage({ provider, model: 'gpt-4o-mini', operation: '', tier: '', inferenceRegion: '', counted }, bucketMask);
}

function entry(change: Partial<Entry> = {}): Entry {
  return { identity: 'i'.repeat(16) as Identity, offset: 5, time: 1_000, shape: plain(0b10001), tokens: [1, 2], target: '', ...change };
}

describe('a delta', () => {
  it('gives back its entries, in order of identity', () => {
    fc.assert(
      fc.property(entries, fc.boolean(), (given, hasConflict) => {
        expect(decodeDelta(encodeDelta(given, { hasConflict }), shapes)).toEqual(sorted(given));
      }),
    );
  });

  it('is the same bytes whatever the order of its entries', () => {
    fc.assert(
      fc.property(
        entries.chain((given) => fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length }))),
        ([given, shuffled]) => {
          // Entries of the same identity and offset are the same record; there is no order between two that are not.
          fc.pre(new Set(given.map((one) => `${one.identity}${one.offset}`)).size === given.length);
          expect(encodeDelta(shuffled, { hasConflict: false })).toEqual(encodeDelta(given, { hasConflict: false }));
        },
      ),
    );
  });

  it('is the same bytes whichever process interned its shapes, and when', () => {
    const again = new Shapes(hash).usage(entry().shape.dimensions, entry().shape.bucketMask);
    const identity = 'j'.repeat(16) as Identity;
    const changes: Partial<Entry>[][] = [[{}, { identity }], [{}, { identity, shape: again }], [{ shape: again }, { identity }]];
    const bytes = changes.map((some) => encodeDelta(some.map(entry), { hasConflict: false }));
    expect(bytes[1]).toEqual(bytes[0]);
    expect(bytes[2]).toEqual(bytes[0]);
  });

  it('says whether it has a void or a conflict', () => {
    const target = 'j'.repeat(16) as Identity;
    const voided = entry({ shape: shapes.void('sent twice'), tokens: [], target });
    expect(deltaFlags(encodeDelta([entry()], { hasConflict: false }))).toMatchObject({ hasVoid: false, hasConflict: false });
    expect(deltaFlags(encodeDelta([entry()], { hasConflict: true }))).toMatchObject({ hasVoid: false, hasConflict: true });
    expect(deltaFlags(encodeDelta([entry(), voided], { hasConflict: false }))).toMatchObject({ hasVoid: true, hasConflict: false });
  });

  it('keeps a bucket that was reported as zero apart from one that was not reported', () => {
    const zero = entry({ shape: shapes.usage(entry().shape.dimensions, 0b10011), tokens: [1, 0, 2] });
    const [decoded] = decodeDelta(encodeDelta([zero], { hasConflict: false }), shapes);
    expect(decoded).toEqual(zero);
    expect(decoded?.shape.buckets).toEqual([0, 1, 4]);
  });

  it('holds the largest numbers there are', () => {
    const given = [0, MAX].map((value, i) =>
      entry({ identity: String(i).repeat(16) as Identity, offset: value, time: MAX - value, tokens: [value, MAX] }),
    );
    expect(decodeDelta(encodeDelta(given, { hasConflict: false }), shapes)).toEqual(given);
  });

  it('stays below the size of an item when it is full of the largest entries there can be', () => {
    const largest = (i: number): Entry => {
      const long = (name: string): string => name.repeat(128).slice(0, 124) + String(i).padStart(4, '0');
      const given: Dimensions = {
        provider: long('p'), model: long('m'), operation: long('o'), tier: long('t'), inferenceRegion: long('r'), counted: 'estimated',
      };
      const identity = String(i).padEnd(16, 'x') as Identity;
      const far = i === 0 ? 0 : MAX;
      return entry({ identity, offset: far, time: far, shape: shapes.usage(given, 511), tokens: new Array<number>(9).fill(MAX) });
    };
    const full = Array.from({ length: DELTA_ENTRIES_MAX }, (_, i) => largest(i));
    expect(encodeDelta(full, { hasConflict: false }).length).toBeLessThan(ITEM_BYTES_MAX);
  });

  it('takes at most 32 bytes per entry for a hundred ordinary events', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => {
      const identity = hash.text(`event ${i}`).slice(0, 16) as Identity;
      return entry({ identity, offset: 1e6 + i, time: 1.77e12 + 5e3 * i, shape: plain(0b10011), tokens: [7_322, 512, 490] });
    });
    expect(encodeDelta(hundred, { hasConflict: false }).length / 100).toBeLessThanOrEqual(32);
  });

  it.each<[string, Entry[]]>([
    ['without entries', []],
    ['with too many entries', Array.from({ length: DELTA_ENTRIES_MAX + 1 }, () => entry())],
    ['with an identity that is not 16 bytes', [entry({ identity: 'short' as Identity })]],
    ['with a count too few', [entry({ tokens: [1] })]],
    ['with a count that is no integer', [entry({ tokens: [1, 0.5] })]],
    ['with a count beyond 2^53 − 1', [entry({ tokens: [1, 2 ** 53] })]],
    ['with a negative offset', [entry({ offset: -1 })]],
    ['with a target and tokens', [entry({ target: 'j'.repeat(16) as Identity })]],
    ['with a void that has no target', [entry({ shape: shapes.void('why'), tokens: [] })]],
  ])('is not made %s', (_title, given) => {
    expect(() => encodeDelta(given, { hasConflict: false })).toThrow(InvariantViolation);
  });
});

describe('a damaged delta', () => {
  const damage = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));

  function codeOf(act: () => unknown): string {
    try {
      act();
    } catch (error) {
      return error instanceof AccountingError ? error.code : `not an AccountingError: ${String(error)}`;
    }
    return 'decoded';
  }

  it('is never decoded, whichever bytes are changed', () => {
    fc.assert(
      fc.property(entries, fc.array(damage, { minLength: 1, maxLength: 4 }), (given, changes) => {
        const bytes = encodeDelta(given, { hasConflict: false });
        const damaged = Uint8Array.from(bytes);
        for (const [at, change] of changes) damaged[at % bytes.length]! ^= change;
        fc.pre(!Buffer.from(damaged).equals(bytes));
        expect(['corrupt_row', 'unknown_version']).toContain(codeOf(() => decodeDelta(damaged, shapes)));
        expect(['corrupt_row', 'unknown_version']).toContain(codeOf(() => deltaFlags(damaged)));
      }),
    );
  });

  it('is never decoded when it is cut short', () => {
    const bytes = encodeDelta([entry()], { hasConflict: false });
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => decodeDelta(bytes.subarray(0, length), shapes))).toBe('corrupt_row');
    }
  });

  it('is told apart from one that a newer codec wrote', () => {
    const bytes = encodeDelta([entry()], { hasConflict: false });
    bytes[0] = 2;
    expect(codeOf(() => decodeDelta(bytes, shapes))).toBe('unknown_version');
  });

  it('raises nothing but an AccountingError even when its checksum is right', () => {
    const reseal = (body: Uint8Array): Uint8Array => {
      const writer = new ByteWriter();
      writer.start();
      writer.raw(body);
      return writer.sealed();
    };
    fc.assert(
      fc.property(entries, fc.array(damage, { minLength: 1, maxLength: 3 }), fc.nat({ max: 20 }), (given, changes, cut) => {
        const bytes = encodeDelta(given, { hasConflict: false });
        const body = Uint8Array.from(bytes.subarray(0, bytes.length - 4 - (cut % 4)));
        for (const [at, change] of changes) body[at % body.length]! ^= change;
        expect(['decoded', 'corrupt_row', 'unknown_version']).toContain(codeOf(() => decodeDelta(reseal(body), shapes)));
      }),
      { numRuns: 500 },
    );
  });

  it('raises nothing but an AccountingError for bytes that never were a delta', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['corrupt_row', 'unknown_version']).toContain(codeOf(() => decodeDelta(bytes, shapes)));
      }),
    );
  });
});

interface GoldenDelta {
  readonly hasConflict: boolean;
  readonly bytes: string;
}
interface GoldenEntry extends Omit<Entry, 'shape'> {
  readonly shape: string;
}

describe('golden deltas', () => {
  const golden = JSON.parse(readFileSync(join(__dirname, 'rows.golden.json'), 'utf8')) as {
    readonly entries: readonly GoldenEntry[];
    readonly delta: GoldenDelta;
    readonly singleDelta: GoldenDelta;
  };
  const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

  it.each([
    ['several entries, with a void, a conflict and three shapes', golden.delta, golden.entries],
    ['one entry', golden.singleDelta, golden.entries.slice(0, 1)],
  ])('are the bytes an independent implementation writes: %s', (_title, delta, expected) => {
    const bytes = Buffer.from(delta.bytes, 'hex');
    const decoded = decodeDelta(bytes, shapes);
    const given = expected.map((one) => ({ ...one, identity: latin1(one.identity), target: latin1(one.target) }));
    expect(decoded.map((one) => ({ ...one, shape: one.shape.text }))).toEqual(
      given.sort((a, b) => (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : a.offset - b.offset)),
    );
    expect(Buffer.from(encodeDelta(decoded, delta)).toString('hex')).toBe(delta.bytes);
  });
});
