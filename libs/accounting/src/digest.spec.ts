import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { Digest } from './digest';
import type { Entry } from './entry';
import type { Hash } from './environment';
import { AccountingError } from './errors';
import type { Identity } from './identity';
import { Shapes } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);

const identity = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('latin1') as Identity);
const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER));
const usageEntry: fc.Arbitrary<Entry> = fc.integer({ min: 1, max: 511 }).chain((mask) => {
  const shape = shapes.usage({ provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' }, mask);
  const tokens = fc.array(count, { minLength: shape.buckets.length, maxLength: shape.buckets.length });
  return fc.record({ identity, offset: count, time: count, shape: fc.constant(shape), tokens, target: fc.constant('' as const) });
});
const voidEntry: fc.Arbitrary<Entry> = fc.record({
  identity, offset: count, time: count, shape: fc.string().map((reason) => shapes.void(reason)), tokens: fc.constant([]), target: identity,
});
const anyEntry = fc.oneof({ weight: 4, arbitrary: usageEntry }, { weight: 1, arbitrary: voidEntry });
const anyEntries = fc.array(anyEntry, { maxLength: 20 });

function digestOf(entries: readonly Entry[]): string {
  const digest = new Digest();
  for (const entry of entries) digest.add(entry);
  return digest.toHex();
}

describe('Digest', () => {
  it('does not depend on the order of the entries', () => {
    fc.assert(
      fc.property(
        anyEntries.chain((entries) => fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length }))),
        ([entries, shuffled]) => expect(digestOf(shuffled)).toBe(digestOf(entries)),
      ),
    );
  });

  it('does not depend on how the entries were split', () => {
    fc.assert(
      fc.property(anyEntries, fc.array(fc.nat({ max: 3 })), (entries, parts) => {
        const sums = Array.from({ length: 4 }, () => new Digest());
        entries.forEach((entry, i) => sums[parts[i] ?? 0]!.add(entry));
        const whole = new Digest();
        for (const sum of sums) whole.addDigest(sum);
        expect(whole.toHex()).toBe(digestOf(entries));
      }),
    );
  });

  it('is the sum modulo 2^128 of the digests of its entries', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const sum = entries.reduce((total, entry) => (total + BigInt(`0x${digestOf([entry])}`)) % 2n ** 128n, 0n);
        expect(digestOf(entries)).toBe(sum.toString(16).padStart(32, '0'));
      }),
    );
  });

  it('changes when an entry is missing or comes twice', () => {
    fc.assert(
      fc.property(anyEntries, anyEntry, (entries, one) => {
        expect(digestOf([...entries, one])).not.toBe(digestOf(entries));
        expect(digestOf([...entries, one, one])).not.toBe(digestOf([...entries, one]));
      }),
    );
  });

  it('changes with every part of an entry', () => {
    fc.assert(
      fc.property(usageEntry, identity, (entry, other) => {
        fc.pre(entry.identity !== other);
        const { dimensions, bucketMask } = entry.shape;
        const changes: Partial<Entry>[] = [
          { identity: other },
          { offset: entry.offset === 0 ? 1 : entry.offset - 1 },
          { time: entry.time === 0 ? 1 : entry.time - 1 },
          { shape: shapes.usage({ ...dimensions, tier: 'batch' }, bucketMask) },
          { tokens: entry.tokens.map((token, i) => (i > 0 ? token : token === 0 ? 1 : token - 1)) },
          { target: other },
        ];
        for (const change of changes) expect(digestOf([{ ...entry, ...change }])).not.toBe(digestOf([entry]));
      }),
    );
  });

  it('tells an absent count from a zero', () => {
    const dimensions = { provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' } as const;
    const base = { identity: 'i'.repeat(16) as Identity, offset: 0, time: 0, target: '' as const };
    const absent = digestOf([{ ...base, shape: shapes.usage(dimensions, 0b1), tokens: [5] }]);
    const zero = digestOf([{ ...base, shape: shapes.usage(dimensions, 0b11), tokens: [5, 0] }]);
    expect(zero).not.toBe(absent);
  });

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const digest = new Digest();
        for (const entry of entries) digest.add(entry);
        const bytes = digest.toBytes();
        expect(Digest.fromBytes(bytes).toHex()).toBe(digest.toHex());
        expect(Buffer.from(bytes).reverse().toString('hex')).toBe(digest.toHex());
      }),
    );
  });

  it.each([0, 15, 17])('does not come from %d bytes', (length) => {
    expect(() => Digest.fromBytes(new Uint8Array(length))).toThrow(AccountingError);
  });

  it('of nothing is zero', () => {
    expect(new Digest().toHex()).toBe('0'.repeat(32));
  });
});

interface GoldenEntry {
  readonly identity: string;
  readonly offset: number;
  readonly time: number;
  readonly shape: string;
  readonly tokens: readonly number[];
  readonly target: string;
}

describe('golden rows', () => {
  const golden = JSON.parse(readFileSync(join(__dirname, 'rows.golden.json'), 'utf8')) as {
    readonly entries: readonly GoldenEntry[];
    readonly digest: string;
  };

  it('have the digest an independent computation gives', () => {
    const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');
    const entries = golden.entries.map((entry): Entry => {
      const [kind, provider, model, operation, tier, inferenceRegion, counted, buckets, reason] = JSON.parse(entry.shape) as [
        string, string, string, string, string, string, 'reported' | 'estimated', number[], string,
      ];
      const mask = buckets.reduce((sum, bucket) => sum | (1 << bucket), 0);
      const dimensions = { provider, model, operation, tier, inferenceRegion, counted };
      return {
        ...entry,
        identity: latin1(entry.identity) as Identity,
        target: latin1(entry.target) as Identity | '',
        shape: kind === 'void' ? shapes.void(reason) : shapes.usage(dimensions, mask),
      };
    });
    expect(digestOf(entries)).toBe(golden.digest);
  });
});
