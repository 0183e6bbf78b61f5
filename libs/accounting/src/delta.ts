/**
 * The delta codec. A delta is immutable: the entries that one flush of one stream added to one session.
 * Binary and columnar, entries sorted by identity, so that a session's deltas can be merged as they lie.
 *
 *     version 1 · flags · count · smallest offset · largest − smallest · smallest time
 *     identities (16 B each) · shapes
 *     columns, each behind its length: offsets − smallest · times − smallest · shape numbers (if several shapes)
 *         · one per bucket reported, for the entries that report it · targets (16 B each, if there is a void)
 *     checksum
 */
import { ByteWriter, openRow, type ByteReader } from './bytes';
import type { Entry } from './entry';
import { AccountingError } from './errors';
import { IDENTITY_BYTES, readIdentity, type Identity } from './identity';
import { invariant } from './invariant';
import { ShapeTable, type Shape, type Shapes } from './shape';

const VERSION = 1;
const FLAG_VOID = 1;
const FLAG_CONFLICT = 2;
const FLAGS_ALL = FLAG_VOID | FLAG_CONFLICT;

/**
 * Entries in one delta; a larger flush makes several. Keeps every delta below DynamoDB's 400 KB for an item, even when
 * each entry takes the 760 bytes it can take at most (a shape of its own, five texts of 128 bytes, nine large counts).
 */
export const DELTA_ENTRIES_MAX = 512;

export interface DeltaFlags {
  /** At least one entry is a void. */
  readonly hasVoid: boolean;
  /** At least one entry has the identity of an earlier entry of the stream, and other content. */
  readonly hasConflict: boolean;
}

const writer = new ByteWriter();

/** `entries` in any order, at least one; the same entries give the same bytes. */
export function encodeDelta(entries: readonly Entry[], flags: Pick<DeltaFlags, 'hasConflict'>): Uint8Array {
  invariant(entries.length > 0 && entries.length <= DELTA_ENTRIES_MAX, `a delta holds 1..${DELTA_ENTRIES_MAX} entries`);
  const sorted = entries.length === 1 ? entries : inIdentityOrder(entries);
  const shapes = new ShapeTable();
  let minOffset = Infinity;
  let maxOffset = 0;
  let minTime = Infinity;
  let hasVoid = false;
  for (const entry of sorted) {
    assertEntry(entry);
    minOffset = Math.min(minOffset, entry.offset);
    maxOffset = Math.max(maxOffset, entry.offset);
    minTime = Math.min(minTime, entry.time);
    hasVoid ||= entry.shape.kind === 'void';
    shapes.numberOf(entry.shape);
  }
  writer.start();
  writer.byte(VERSION);
  writer.byte((hasVoid ? FLAG_VOID : 0) | (flags.hasConflict ? FLAG_CONFLICT : 0));
  writer.varint(sorted.length);
  writer.varint(minOffset);
  writer.varint(maxOffset - minOffset);
  writer.varint(minTime);
  for (const entry of sorted) writer.latin(entry.identity);
  shapes.write(writer);
  let column = writer.startBlock();
  for (const entry of sorted) writer.varint(entry.offset - minOffset);
  writer.endBlock(column);
  column = writer.startBlock();
  for (const entry of sorted) writer.varint(entry.time - minTime);
  writer.endBlock(column);
  if (shapes.size > 1) writeShapeNumbers(sorted, shapes);
  for (let bucket = 0; shapes.bucketMask >> bucket !== 0; bucket++) {
    if (shapes.bucketMask & (1 << bucket)) writeCounts(sorted, bucket);
  }
  if (hasVoid) writeTargets(sorted);
  return writer.sealed();
}

function writeShapeNumbers(entries: readonly Entry[], shapes: ShapeTable): void {
  const column = writer.startBlock();
  for (const { shape } of entries) writer.varint(shapes.numberOf(shape));
  writer.endBlock(column);
}

/** Of the entries that report the bucket. */
function writeCounts(entries: readonly Entry[], bucket: number): void {
  const column = writer.startBlock();
  for (const { shape, tokens } of entries) {
    if (shape.bucketMask & (1 << bucket)) writer.varint(tokens[shape.buckets.indexOf(bucket)] as number);
  }
  writer.endBlock(column);
}

function writeTargets(entries: readonly Entry[]): void {
  const column = writer.startBlock();
  for (const { target } of entries) writer.latin(target);
  writer.endBlock(column);
}

function assertEntry({ identity, shape, tokens, target }: Entry): void {
  invariant(identity.length === IDENTITY_BYTES, 'an identity has 16 bytes');
  invariant(target.length === (shape.kind === 'void' ? IDENTITY_BYTES : 0), 'a void has a target, and nothing else has');
  invariant(tokens.length === shape.buckets.length, 'an entry has one count per bucket of its shape');
}

function bucketsOf(mask: number): number[] {
  const buckets: number[] = [];
  for (let bucket = 0; mask >> bucket !== 0; bucket++) if (mask & (1 << bucket)) buckets.push(bucket);
  return buckets;
}

/** Up to here it is faster to insert one after the other: the engine's sort allocates more than so many entries take. */
const INSERTED_MAX = 16;

function inIdentityOrder(entries: readonly Entry[]): Entry[] {
  const sorted = entries.slice();
  if (sorted.length > INSERTED_MAX) return sorted.sort(byIdentity);
  for (let i = 1; i < sorted.length; i++) {
    const entry = sorted[i] as Entry;
    let at = i;
    for (; at > 0 && byIdentity(sorted[at - 1] as Entry, entry) > 0; at--) sorted[at] = sorted[at - 1] as Entry;
    sorted[at] = entry;
  }
  return sorted;
}

function byIdentity(a: Entry, b: Entry): number {
  return a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : a.offset - b.offset;
}

export function deltaFlags(bytes: Uint8Array): DeltaFlags {
  return new DeltaRow(bytes);
}

/** All entries of a delta, in identity order. */
export function decodeDelta(bytes: Uint8Array, shapes: Shapes): Entry[] {
  const cursor = new DeltaRow(bytes).cursor(shapes);
  const entries: Entry[] = [];
  while (cursor.next()) entries.push(cursor.entry());
  return entries;
}

/** A delta as it lies: what it says of itself and its identities, nothing decoded. */
export class DeltaRow implements DeltaFlags {
  readonly hasVoid: boolean;
  readonly hasConflict: boolean;
  readonly count: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly minTime: number;
  private readonly identitiesAt: number;
  private readonly reader: ByteReader;

  constructor(private readonly bytes: Uint8Array) {
    const reader = openRow(bytes, VERSION, 'delta');
    const flags = reader.byte();
    if (flags > FLAGS_ALL) throw new AccountingError('corrupt_row', 'a delta has an unknown flag');
    this.hasVoid = (flags & FLAG_VOID) !== 0;
    this.hasConflict = (flags & FLAG_CONFLICT) !== 0;
    this.count = reader.varint();
    this.minOffset = reader.varint();
    this.maxOffset = this.minOffset + reader.varint();
    this.minTime = reader.varint();
    this.identitiesAt = reader.skip(this.count * IDENTITY_BYTES);
    this.reader = reader;
  }

  identity(position: number): Identity {
    return readIdentity(this.bytes, this.identitiesAt + position * IDENTITY_BYTES);
  }

  /** The identity's first 32 bits. */
  firstWord(position: number): number {
    const { bytes } = this;
    const at = this.identitiesAt + position * IDENTITY_BYTES;
    const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
    return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
  }

  cursor(shapes: Shapes): DeltaCursor {
    return new DeltaCursor(this, this.reader.fork(), shapes);
  }
}

/**
 * Walks a delta's entries in identity order without decoding more than the current one. `next()` first; then `offset`,
 * `time`, `shape`, `tokens` and `target` are the current entry's. `tokens` is reused by the next `next()`; `entry()` makes
 * a copy that lasts.
 */
export class DeltaCursor {
  offset = 0;
  time = 0;
  shape: Shape;
  tokens: number[] = [];
  target: Identity | '' = '';

  private position = -1;
  private readonly shapes: readonly Shape[];
  private readonly columns: ByteReader[] = [];
  private readonly offsets: ByteReader;
  private readonly times: ByteReader;
  private readonly shapeNumbers: ByteReader | undefined;
  /** By bucket number. */
  private readonly buckets: ByteReader[] = [];
  private readonly targets: ByteReader | undefined;

  /** `reader` stands behind the identities. */
  constructor(
    private readonly row: DeltaRow,
    reader: ByteReader,
    shapes: Shapes,
  ) {
    this.shapes = shapes.readTable(reader, row.count);
    this.shape = this.shapeAt(0);
    const column = (): ByteReader => {
      const block = reader.block();
      this.columns.push(block);
      return block;
    };
    this.offsets = column();
    this.times = column();
    if (this.shapes.length > 1) this.shapeNumbers = column();
    for (const bucket of bucketsOf(this.shapes.reduce((mask, shape) => mask | shape.bucketMask, 0))) this.buckets[bucket] = column();
    if (row.hasVoid) this.targets = column();
    reader.expectEnd();
  }

  /** Moves to the next entry; false when there is none. */
  next(): boolean {
    if (++this.position >= this.row.count) {
      for (const column of this.columns) column.expectEnd();
      return false;
    }
    this.offset = this.row.minOffset + this.offsets.varint();
    this.time = this.row.minTime + this.times.varint();
    const shape = this.shapeNumbers ? this.shapeAt(this.shapeNumbers.varint()) : this.shape;
    this.shape = shape;
    const buckets = shape.buckets;
    if (this.tokens.length !== buckets.length) this.tokens = new Array<number>(buckets.length).fill(0);
    for (let i = 0; i < buckets.length; i++) this.tokens[i] = (this.buckets[buckets[i] as number] as ByteReader).varint();
    this.target = shape.kind === 'void' && this.targets ? readIdentity(this.targets.raw(IDENTITY_BYTES), 0) : '';
    return true;
  }

  /** Moves forward to the entry at `position`, counted from 0; there is no way back. */
  seek(position: number): this {
    if (position < this.position) throw new AccountingError('corrupt_row', 'the identities of a delta are not in order');
    while (this.position < position) this.next();
    return this;
  }

  entry(): Entry {
    return {
      identity: this.row.identity(this.position),
      offset: this.offset,
      time: this.time,
      shape: this.shape,
      tokens: this.tokens.slice(),
      target: this.target,
    };
  }

  private shapeAt(number: number): Shape {
    const shape = this.shapes[number];
    if (!shape) throw new AccountingError('corrupt_row', 'an entry names a shape that its delta does not hold');
    return shape;
  }
}
