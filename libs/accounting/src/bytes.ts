/**
 * Reading and writing of the binary rows: a version, then LEB128 varints, length-prefixed UTF-8 and raw bytes, then a
 * checksum of all of it. A row is opened only when its checksum holds and a reader checks every bound, so that a damaged
 * row is `corrupt_row`, never a wrong number.
 */
import { AccountingError } from './errors';
import { invariant } from './invariant';
import { checksum, wordAt } from './murmur';

/** Bytes of the checksum at a row's end. */
const CHECKSUM_BYTES = 4;
/** A number up to 2^53−1 in groups of 7 bits. */
const VARINT_BYTES_MAX = 8;
/** A sum of up to 2^53 counts of up to 2^53−1 each: 106 bits in groups of 7. */
const BIG_VARINT_BYTES_MAX = 16;

const encoder = new TextEncoder();
/** A text may begin with U+FEFF; it is text, not a mark to be taken off. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Rows are cut from slabs of this size: memory of its own costs a small row more than all the rest. */
const SLAB_BYTES = 16 * 1024;

/** Grows as needed; begins with `start()`. */
export class ByteWriter {
  private buffer = new Uint8Array(256);
  /** Where what is being written begins: sealed rows lie before. */
  private from = 0;
  private at = 0;

  /** Forgets what was written since the last `sealed()`. */
  start(): void {
    this.at = this.from;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** An integer 0..2^53−1. */
  varint(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, 'a number in a row must be an integer 0..2^53−1');
    this.reserve(VARINT_BYTES_MAX);
    const { buffer } = this;
    let { at } = this;
    let rest = value;
    if (value > 0x7fffffff) {
      // The lower four groups by themselves: 32-bit arithmetic from here on.
      rest = Math.floor(value / 0x1000_0000);
      const low = value - rest * 0x1000_0000;
      for (let shift = 0; shift < 28; shift += 7) buffer[at++] = ((low >>> shift) & 0x7f) | 0x80;
    }
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.at = at;
  }

  /** A bigint 0..2^112−1. */
  bigVarint(value: bigint): void {
    invariant(value >= 0n && value >> BigInt(BIG_VARINT_BYTES_MAX * 7) === 0n, 'a sum in a row must be 0..2^112−1');
    let rest = value;
    while (rest > 0x7fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  /** Well-formed text behind its length. */
  text(value: string): void {
    const length = utf8Length(value);
    this.varint(length);
    if (length === value.length) {
      this.latin(value);
      return;
    }
    invariant(value.isWellFormed(), 'text in a row must be well-formed Unicode');
    this.reserve(length);
    encoder.encodeInto(value, this.buffer.subarray(this.at));
    this.at += length;
  }

  /** Characters U+0000..U+00FF, one byte each, without a length. */
  latin(value: string): void {
    this.reserve(value.length);
    const { buffer, at } = this;
    for (let i = 0; i < value.length; i++) buffer[at + i] = value.charCodeAt(i);
    this.at = at + value.length;
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** What another writer holds, behind its length. */
  block(other: ByteWriter): void {
    this.varint(other.at - other.from);
    this.raw(other.buffer.subarray(other.from, other.at));
  }

  /** Begins a block: what is written until `endBlock` stands behind its length. Answers what `endBlock` is to be given. */
  startBlock(): number {
    this.byte(0);
    return this.at - this.from;
  }

  endBlock(start: number): void {
    const from = this.from + start;
    const length = this.at - from;
    if (length < 0x80) {
      this.buffer[from - 1] = length;
      return;
    }
    // The length takes more than the one byte that was left for it.
    const block = this.buffer.slice(from, this.at);
    this.at = from - 1;
    this.varint(length);
    this.raw(block);
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.buffer.slice(this.from, this.at);
  }

  /** The row: what was written, and its checksum. It is never written to again. */
  sealed(): Uint8Array {
    this.reserve(CHECKSUM_BYTES);
    const row = this.buffer.subarray(this.from, this.at + CHECKSUM_BYTES);
    const sum = checksum(row, this.at - this.from);
    for (let shift = 0; shift < 32; shift += 8) this.byte((sum >>> shift) & 0xff);
    this.from = this.at;
    return row;
  }

  private reserve(more: number): void {
    if (this.at + more <= this.buffer.length) return;
    const length = this.at - this.from;
    const grown = new Uint8Array(Math.max(SLAB_BYTES, length * 2, length + more));
    grown.set(this.buffer.subarray(this.from, this.at));
    this.buffer = grown;
    this.from = 0;
    this.at = length;
  }
}

/** A reader of a row, behind its version. Throws `unknown_version`, or `corrupt_row` when the checksum does not hold. */
export function openRow(row: Uint8Array, version: number, what: string): ByteReader {
  const end = row.length - CHECKSUM_BYTES;
  if (end < 1) throw truncated();
  if (row[0] !== version) throw new AccountingError('unknown_version', `${what} version ${row[0] as number} is not known here`);
  if (wordAt(row, end) !== checksum(row, end)) throw new AccountingError('corrupt_row', `the checksum of a ${what} does not hold`);
  return new ByteReader(row, 1, end);
}

/** Reads bytes [start, end). */
export class ByteReader {
  constructor(
    private readonly buffer: Uint8Array,
    private at: number,
    private readonly end: number,
  ) {}

  get remaining(): number {
    return this.end - this.at;
  }

  /** Another reader that stands where this one does. */
  fork(): ByteReader {
    return new ByteReader(this.buffer, this.at, this.end);
  }

  byte(): number {
    if (this.at >= this.end) throw truncated();
    return this.buffer[this.at++] as number;
  }

  /** An integer 0..2^53−1, in as few bytes as it takes. */
  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 128;
    for (let bytes = 2; bytes <= VARINT_BYTES_MAX; bytes++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) scale *= 128;
      else if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
      else return value;
    }
    throw malformed();
  }

  bigVarint(): bigint {
    let value = 0n;
    for (let bytes = 0; bytes < BIG_VARINT_BYTES_MAX; bytes++) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(bytes * 7);
      if (byte >= 0x80) continue;
      if (byte === 0 && bytes > 0) break;
      return value;
    }
    throw malformed();
  }

  text(): string {
    const bytes = this.raw(this.varint());
    if (bytes.length === 0) return '';
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new AccountingError('corrupt_row', 'text in a row is not UTF-8', { cause });
    }
  }

  latin(length: number): string {
    return String.fromCharCode(...this.raw(length));
  }

  raw(length: number): Uint8Array {
    const start = this.skip(length);
    return this.buffer.subarray(start, this.at);
  }

  /** A reader of the next bytes, which stand behind their length. */
  block(): ByteReader {
    const length = this.varint();
    const start = this.skip(length);
    return new ByteReader(this.buffer, start, this.at);
  }

  /** Throws unless everything was read. */
  expectEnd(): void {
    if (this.remaining !== 0) throw new AccountingError('corrupt_row', 'a row goes on after its data ends');
  }

  /** Passes over `length` bytes; answers where they begin. */
  skip(length: number): number {
    if (length > this.remaining) throw truncated();
    const start = this.at;
    this.at += length;
    return start;
  }
}

/** Bytes of `text` in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes; any other unit from U+0800 on is one unit and three bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** Lower-case hex of a binary string, one character U+0000..U+00FF per byte. */
export function binaryToHex(binary: string): string {
  let hex = '';
  for (let i = 0; i < binary.length; i++) hex += binary.charCodeAt(i).toString(16).padStart(2, '0');
  return hex;
}

/** The 32-bit big-endian word at `at` of a binary string. */
export function word(binary: string, at: number): number {
  const high = (binary.charCodeAt(at) << 24) | (binary.charCodeAt(at + 1) << 16);
  return (high | (binary.charCodeAt(at + 2) << 8) | binary.charCodeAt(at + 3)) >>> 0;
}

function truncated(): AccountingError {
  return new AccountingError('corrupt_row', 'a row ends before its data does');
}

function malformed(): AccountingError {
  return new AccountingError('corrupt_row', 'a number in a row is malformed or too large');
}
