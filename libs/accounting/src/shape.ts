/**
 * A shape is everything that many entries have in common: their dimensions and which buckets they report, or, for a
 * void, its reason. Deltas and manifests hold each shape once, entries refer to it.
 */
import { BUCKETS } from './bucket';
import { ByteWriter, word, type ByteReader } from './bytes';
import type { Hash } from './environment';
import { AccountingError } from './errors';

/** What usage can be grouped by, beside the region of the log. Empty string = not given. */
export interface Dimensions {
  readonly provider: string;
  readonly model: string;
  readonly operation: string;
  readonly tier: string;
  readonly inferenceRegion: string;
  /** `estimated` when the counts came from a tokenizer and not from the provider. */
  readonly counted: 'reported' | 'estimated';
}

export interface Shape {
  readonly kind: 'usage' | 'void';
  readonly dimensions: Dimensions;
  /** Numbers of the buckets reported, ascending; empty for a void. */
  readonly buckets: readonly number[];
  /** The same as a set of bits. */
  readonly bucketMask: number;
  /** Why, for a void; else empty. */
  readonly reason: string;
  /** Canonical text: two shapes are equal exactly when their texts are. */
  readonly text: string;
  /** Four 32-bit words of SHA-256(text), the shape's part of an entry's digest. */
  readonly words: readonly [number, number, number, number];
  /** As it stands in rows. */
  readonly encoded: Uint8Array;
}

const NO_DIMENSIONS: Dimensions = {
  provider: '',
  model: '',
  operation: '',
  tier: '',
  inferenceRegion: '',
  counted: 'reported',
};

/** How many shapes of one model are compared field by field before all are asked by text. */
const NEAR_MAX = 8;
/** Distinct shapes remembered; a publisher that puts an id in `model` must not fill the memory. */
const SHAPES_MAX = 10_000;

/** Interns shapes: equal shapes are the same object, as long as it is remembered. */
export class Shapes {
  private readonly byText = new Map<string, Shape>();
  private last: Shape | undefined;
  /** The last few of each model: a text is dear to build. */
  private readonly byModel = new Map<string, Shape[]>();

  constructor(private readonly hash: Hash) {}

  usage(dimensions: Dimensions, bucketMask: number): Shape {
    if (this.last && matches(this.last, dimensions, bucketMask)) return this.last;
    return (this.last = this.usageOf(dimensions, bucketMask));
  }

  private usageOf(dimensions: Dimensions, bucketMask: number): Shape {
    const near = this.byModel.get(dimensions.model);
    if (near) for (const shape of near) if (matches(shape, dimensions, bucketMask)) return shape;
    const shape = this.intern('usage', dimensions, bucketMask, '');
    if (!near) this.byModel.set(dimensions.model, [shape]);
    else if (near.unshift(shape) > NEAR_MAX) near.pop();
    return shape;
  }

  void(reason: string): Shape {
    return this.intern('void', NO_DIMENSIONS, 0, reason);
  }

  /** What `ShapeTable` wrote: at most `countMax` shapes. */
  readTable(reader: ByteReader, countMax: number): Shape[] {
    const count = reader.varint();
    if (count > countMax) throw new AccountingError('corrupt_row', 'a row has more shapes than can be in use');
    return Array.from({ length: count }, () => this.read(reader));
  }

  private read(reader: ByteReader): Shape {
    const kind = reader.byte();
    if (kind === KIND_VOID) return this.void(reader.text());
    if (kind !== KIND_REPORTED && kind !== KIND_ESTIMATED) throw new AccountingError('corrupt_row', `unknown shape kind ${kind}`);
    const bucketMask = reader.varint();
    if (bucketMask >= 1 << BUCKETS.length) throw new AccountingError('corrupt_row', 'unknown token bucket in a row');
    const provider = reader.text();
    const model = reader.text();
    const operation = reader.text();
    const tier = reader.text();
    const inferenceRegion = reader.text();
    const counted = kind === KIND_ESTIMATED ? 'estimated' : 'reported';
    return this.usage({ provider, model, operation, tier, inferenceRegion, counted }, bucketMask);
  }

  private intern(kind: Shape['kind'], given: Dimensions, bucketMask: number, reason: string): Shape {
    const { provider, model, operation, tier, inferenceRegion, counted } = given;
    const buckets = [...BUCKETS.keys()].filter((bucket) => bucketMask & (1 << bucket));
    const text = JSON.stringify([kind, provider, model, operation, tier, inferenceRegion, counted, buckets, reason]);
    const known = this.byText.get(text);
    if (known) return known;
    if (this.byText.size >= SHAPES_MAX) {
      this.byText.clear();
      this.byModel.clear();
    }
    const digest = this.hash.text(text);
    const words = [word(digest, 0), word(digest, 4), word(digest, 8), word(digest, 12)] as const;
    const dimensions: Dimensions = { provider, model, operation, tier, inferenceRegion, counted };
    const encoded = kind === 'void' ? encodeVoid(reason) : encodeUsage(dimensions, bucketMask);
    const shape: Shape = { kind, dimensions, buckets, bucketMask, reason, text, words, encoded };
    this.byText.set(text, shape);
    return shape;
  }
}

const KIND_REPORTED = 0;
const KIND_ESTIMATED = 1;
const KIND_VOID = 2;

/**
 * The shapes of one row, numbered in the order they were first asked for. By text, not by object: a row's bytes must not
 * depend on when equal shapes were interned.
 */
export class ShapeTable {
  bucketMask = 0;
  private shapes: Shape[] = [];
  /** Made for the second shape: most rows have one. */
  private numbers: Map<string, number> | undefined;

  get size(): number {
    return this.shapes.length;
  }

  numberOf(shape: Shape): number {
    const [first] = this.shapes;
    if (shape === first) return 0;
    this.bucketMask |= shape.bucketMask;
    if (!first) {
      this.shapes = [shape];
      return 0;
    }
    this.numbers ??= new Map([[first.text, 0]]);
    const known = this.numbers.get(shape.text);
    if (known !== undefined) return known;
    this.numbers.set(shape.text, this.shapes.length);
    return this.shapes.push(shape) - 1;
  }

  write(writer: ByteWriter): void {
    writer.varint(this.shapes.length);
    for (const shape of this.shapes) writer.raw(shape.encoded);
  }
}

const shapeWriter = new ByteWriter();

function encodeVoid(reason: string): Uint8Array {
  shapeWriter.start();
  shapeWriter.byte(KIND_VOID);
  shapeWriter.text(reason);
  return shapeWriter.copy();
}

function encodeUsage({ provider, model, operation, tier, inferenceRegion, counted }: Dimensions, bucketMask: number): Uint8Array {
  shapeWriter.start();
  shapeWriter.byte(counted === 'estimated' ? KIND_ESTIMATED : KIND_REPORTED);
  shapeWriter.varint(bucketMask);
  for (const text of [provider, model, operation, tier, inferenceRegion]) shapeWriter.text(text);
  return shapeWriter.copy();
}

function matches(shape: Shape, dimensions: Dimensions, bucketMask: number): boolean {
  const own = shape.dimensions;
  return (
    shape.bucketMask === bucketMask &&
    own.provider === dimensions.provider &&
    own.model === dimensions.model &&
    own.operation === dimensions.operation &&
    own.tier === dimensions.tier &&
    own.inferenceRegion === dimensions.inferenceRegion &&
    own.counted === dimensions.counted
  );
}
