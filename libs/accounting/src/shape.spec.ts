import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { ByteReader, ByteWriter, openRow } from './bytes';
import type { Hash } from './environment';
import { AccountingError } from './errors';
import { Shapes, ShapeTable, type Dimensions, type Shape } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const plain: Dimensions = { provider: 'openai', model: 'gpt', operation: '', tier: '', inferenceRegion: '', counted: 'reported' };

const text = fc.constantFrom('', 'a', 'b', '"', ',', '\\', 'ü');
const dimensions: fc.Arbitrary<Dimensions> = fc.record({
  provider: text, model: text, operation: text, tier: text, inferenceRegion: text, counted: fc.constantFrom('reported', 'estimated'),
});
const anyShape = (shapes: Shapes): fc.Arbitrary<Shape> =>
  fc.oneof(
    fc.tuple(dimensions, fc.nat({ max: 511 })).map(([given, mask]) => shapes.usage(given, mask)),
    text.map((reason) => shapes.void(reason)),
  );

describe('Shapes', () => {
  it('gives the same object for the same dimensions and buckets, and another for others', () => {
    const shapes = new Shapes(hash);
    fc.assert(
      fc.property(dimensions, fc.nat({ max: 511 }), dimensions, fc.nat({ max: 511 }), (a, maskA, b, maskB) => {
        const isSame = maskA === maskB && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
        expect(shapes.usage({ ...a }, maskA) === shapes.usage({ ...b }, maskB)).toBe(isSame);
        expect(shapes.usage(a, maskA).text === shapes.usage(b, maskB).text).toBe(isSame);
      }),
    );
  });

  it('says what a shape is made of', () => {
    expect(new Shapes(hash).usage(plain, 0b100010001)).toMatchObject({ kind: 'usage', dimensions: plain, buckets: [0, 4, 8], reason: '' });
    expect(new Shapes(hash).void('sent twice')).toMatchObject({ kind: 'void', buckets: [], reason: 'sent twice' });
  });

  it('gives equal shapes the same text and words in every process', () => {
    const [one, other] = [new Shapes(hash).usage(plain, 3), new Shapes(hash).usage(plain, 3)];
    expect(one).toEqual(other);
    expect(one.text).toBe('["usage","openai","gpt","","","","reported",[0,1],""]');
    const sha256 = createHash('sha256').update(one.text).digest();
    expect(one.words).toEqual([0, 4, 8, 12].map((at) => sha256.readUInt32BE(at)));
  });

  it('does not keep what was passed in', () => {
    const given = { ...plain };
    const shape = new Shapes(hash).usage(given, 1);
    given.model = 'changed';
    expect(shape.dimensions.model).toBe('gpt');
  });

  it('stays bounded, and correct, when there are more shapes than it remembers', () => {
    const shapes = new Shapes(hash);
    const first = shapes.usage(plain, 1);
    for (let i = 0; i < 20_001; i++) shapes.usage({ ...plain, model: `model-${i}` }, 1);
    const again = shapes.usage(plain, 1);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });
});

describe('ShapeTable', () => {
  it('comes back as it was written, each shape once, in the order of their numbers', () => {
    const shapes = new Shapes(hash);
    fc.assert(
      fc.property(fc.array(anyShape(shapes), { maxLength: 12 }), (given) => {
        const table = new ShapeTable();
        const numbers = given.map((shape) => table.numberOf(shape));
        const writer = new ByteWriter();
        writer.start();
        writer.byte(1);
        table.write(writer);
        const read = shapes.readTable(openRow(writer.sealed(), 1, 'row'), table.size);
        expect(read).toEqual([...new Set(given)]);
        expect(numbers.map((number) => read[number])).toEqual(given);
        expect(table.bucketMask).toBe(given.reduce((mask, shape) => mask | shape.bucketMask, 0));
      }),
    );
  });

  it('takes shapes of two processes for one', () => {
    const table = new ShapeTable();
    expect(table.numberOf(new Shapes(hash).usage(plain, 1))).toBe(table.numberOf(new Shapes(hash).usage(plain, 1)));
    expect(table.size).toBe(1);
  });

  it.each([
    ['a kind that is not known', [1, 3, 0]],
    ['a bucket that is not known', [1, 0, 0x80, 0x04]],
    ['more shapes than the row can use', [2, 2, 0, 2, 0]],
    ['an end before its end', [1, 2, 5, 0x61]],
  ])('is refused with %s', (_title, bytes) => {
    expect(() => new Shapes(hash).readTable(new ByteReader(Uint8Array.from(bytes), 0, bytes.length), 1)).toThrow(AccountingError);
  });
});
