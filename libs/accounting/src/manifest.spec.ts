import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { BUCKETS, tokensFromJson, tokensToJson } from './bucket';
import { ByteWriter } from './bytes';
import { Digest } from './digest';
import type { Hash } from './environment';
import { AccountingError } from './errors';
import { InvariantViolation } from './invariant';
import { decodeManifest, encodeManifest, type Manifest } from './manifest';
import { Shapes, type Dimensions } from './shape';
import { Usage, type UsageLine } from './usage';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);

const number = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 127, 128, 2 ** 32));
const length = { minLength: 1, maxLength: 8 };
const text = fc.oneof(fc.string(length), fc.string({ unit: 'binary', ...length }), fc.constant('\ufeffx'));
const tenant = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const dimensions: fc.Arbitrary<Dimensions> = fc.record({
  provider: text, model: fc.constantFrom('a', 'b'), operation: fc.constantFrom('', 'chat'), tier: fc.constant(''),
  inferenceRegion: fc.constant(''), counted: fc.constantFrom('reported', 'estimated'),
});
const line: fc.Arbitrary<UsageLine> = fc.record({
  hour: number, region: fc.constantFrom('eu', 'us'), dimensions, events: number, duplicates: number,
  tokens: fc.dictionary(fc.constantFrom(...BUCKETS), fc.bigInt({ min: 0n, max: 2n ** 100n }), { noNullPrototype: true }),
});
const usage = fc.array(line, { maxLength: 6 }).map((lines) => {
  const sum = new Usage();
  for (const one of lines) sum.addLine(one);
  return sum;
});
const manifest: fc.Arbitrary<Manifest> = fc.record({
  start: number,
  end: number,
  fingerprint: fc.record({ epoch: fc.oneof(fc.constant(-1), number), sha256: text.map((given) => hash.text(given)) }),
  rules: number,
  counts: fc.record({ entries: number, duplicates: number, quarantined: number }),
  digest: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Digest.fromBytes(bytes)),
  touched: fc.array(fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), session: text, delta: number }), { maxLength: 8 }),
  usage: fc.uniqueArray(fc.tuple(tenant, usage), { selector: ([name]) => name, maxLength: 4 }).map((pairs) => new Map(pairs)),
}).map((given) => ({ ...given, end: given.start + given.end }));

const someDimensions: Dimensions = { provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' };
const small: Manifest = {
  start: 10, end: 13, fingerprint: { epoch: -1, sha256: hash.text('x') }, rules: 1, counts: { entries: 3, duplicates: 0, quarantined: 0 },
  digest: new Digest(), touched: [], usage: new Map(),
};

/** A manifest with everything in it as plain values. */
function plain({ usage: sums, digest, ...rest }: Manifest): unknown {
  return { ...rest, digest: digest.toHex(), usage: Object.fromEntries([...sums].map(([name, sum]) => [name, sum.lines()])) };
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof AccountingError ? error.code : `not an AccountingError: ${String(error)}`;
  }
  return 'decoded';
}

describe('a manifest', () => {
  it('comes back as it was written', () => {
    fc.assert(fc.property(manifest, (given) => expect(plain(decodeManifest(encodeManifest(given, shapes), shapes))).toEqual(plain(given))));
  });

  it('is the same bytes whatever the order in which its usage was summed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(tenant, line), { maxLength: 8 }), manifest, (lines, given) => {
        const sums = [lines, [...lines].reverse()].map((some) => {
          const byTenant = new Map<string, Usage>();
          for (const [name, one] of some) {
            const sum = byTenant.get(name) ?? new Usage();
            sum.addLine(one);
            byTenant.set(name, sum);
          }
          return encodeManifest({ ...given, usage: byTenant }, new Shapes(hash));
        });
        expect(sums[1]).toEqual(sums[0]);
      }),
    );
  });

  it('of a range with nothing but duplicates is a manifest too', () => {
    const sum = new Usage();
    sum.addDuplicates(492_322, 'eu', shapes.usage(someDimensions, 1), 3);
    const counts = { entries: 0, duplicates: 3, quarantined: 0 };
    const given: Manifest = { ...small, counts, touched: [{ tenant: 't', session: 's', delta: 1 }], usage: new Map([['t', sum]]) };
    const decoded = decodeManifest(encodeManifest(given, shapes), shapes);
    expect(plain(decoded)).toEqual(plain(given));
    expect(decoded.usage.get('t')?.lines()).toMatchObject([{ events: 0, duplicates: 3, tokens: {} }]);
  });

  it('holds each shape once', () => {
    const long = 'm'.repeat(100);
    const sum = (): Usage => {
      const lines = new Usage();
      const line = { region: 'eu', dimensions: { ...someDimensions, model: long }, events: 1, duplicates: 0, tokens: { input: 1n } };
      for (let hour = 0; hour < 10; hour++) lines.addLine({ hour, ...line });
      return lines;
    };
    const usage = new Map([['a', sum()], ['b', sum()]]);
    const bytes = Buffer.from(encodeManifest({ ...small, usage }, shapes)).toString('latin1');
    expect(bytes.split(long)).toHaveLength(2);
  });

  it.each<[string, Partial<Manifest>]>([
    ['that ends before it starts', { start: 14 }],
    ['with a fingerprint that is no SHA-256', { fingerprint: { epoch: 0, sha256: 'short' } }],
    ['with a negative count', { counts: { entries: -1, duplicates: 0, quarantined: 0 } }],
  ])('is not made %s', (_title, change) => {
    expect(() => encodeManifest({ ...small, ...change }, shapes)).toThrow(InvariantViolation);
  });
});

describe('a damaged manifest', () => {
  const damage = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));

  it('is never decoded, whichever bytes are changed', () => {
    fc.assert(
      fc.property(manifest, fc.array(damage, { minLength: 1, maxLength: 4 }), (given, changes) => {
        const bytes = encodeManifest(given, shapes);
        const damaged = Uint8Array.from(bytes);
        for (const [at, change] of changes) damaged[at % bytes.length]! ^= change;
        fc.pre(!Buffer.from(damaged).equals(bytes));
        expect(['corrupt_row', 'unknown_version']).toContain(codeOf(() => decodeManifest(damaged, shapes)));
      }),
    );
  });

  it('raises nothing but an AccountingError even when its checksum is right', () => {
    const writer = new ByteWriter();
    fc.assert(
      fc.property(manifest, fc.array(damage, { minLength: 1, maxLength: 3 }), (given, changes) => {
        const bytes = encodeManifest(given, shapes);
        const body = Uint8Array.from(bytes.subarray(0, bytes.length - 4));
        for (const [at, change] of changes) body[at % body.length]! ^= change;
        writer.start();
        writer.raw(body);
        expect(['decoded', 'corrupt_row', 'unknown_version']).toContain(codeOf(() => decodeManifest(writer.sealed(), shapes)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the golden manifest', () => {
  const { manifest: golden } = JSON.parse(readFileSync(join(__dirname, 'rows.golden.json'), 'utf8')) as {
    readonly manifest: {
      readonly bytes: string;
      readonly sha256: string;
      readonly epoch: number;
      readonly usage: Record<string, { shape: string; tokens: Record<string, string> }[]>;
    };
  };

  it('is the bytes an independent implementation writes', () => {
    const decoded = decodeManifest(Buffer.from(golden.bytes, 'hex'), shapes);
    const { bytes, sha256, epoch, usage: _, ...rest } = golden;
    expect(decoded).toMatchObject({ ...rest, fingerprint: { epoch, sha256: Buffer.from(sha256, 'hex').toString('latin1') } });
    expect(Buffer.from(encodeManifest(decoded, shapes)).toString('hex')).toBe(bytes);
  });

  it('has the usage that went into it', () => {
    const decoded = decodeManifest(Buffer.from(golden.bytes, 'hex'), shapes);
    expect([...decoded.usage.keys()]).toEqual(Object.keys(golden.usage));
    for (const [name, lines] of Object.entries(golden.usage)) {
      const found = decoded.usage.get(name)?.lines() ?? [];
      expect(found.map(({ tokens }) => tokensToJson(tokens))).toEqual(lines.map(({ tokens }) => tokensToJson(tokensFromJson(tokens))));
      expect(found.map(({ dimensions: { model } }) => model)).toEqual(lines.map((one) => (JSON.parse(one.shape) as string[])[2]));
    }
  });
});
