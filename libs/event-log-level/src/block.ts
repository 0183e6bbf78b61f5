/**
 * A block: consecutive records of one partition that were appended together, encoded as the value of one LevelDB row.
 * One row per record would cost more in the database's calls than the records themselves.
 *
 * Head: time (u48), epoch (u32), count (u32), big-endian; shared by all, since one group has one append time.
 * Record: an empty text where older blocks have a key, value, count of headers, then name and text of each; every text and value preceded by its length as a varint.
 */
import { invariant } from '@meridian/accounting';
import type { Draft, LogRecord } from '@meridian/event-log';

/** A block is closed when it has grown beyond this: bounds what reading a single record decodes. */
export const BLOCK_BYTES = 64 * 1024;

const HEAD_BYTES = 14;
const TIME_BYTES = 6;
const EPOCH_AT = 6;
const COUNT_AT = 10;
const VARINT_BYTES_MAX = 5;
const INITIAL_BYTES = 4 * 1024;
/** Of a block that follows a full one: most likely it gets full as well, with a usual record over the bound. */
const FULL_BYTES = BLOCK_BYTES + INITIAL_BYTES;

export interface BlockHead {
  /** ms since the epoch. */
  readonly time: number;
  readonly epoch: number;
  readonly count: number;
}

/** Takes drafts until it is full; sealed with what is known only when its group is written. */
export class BlockBuilder {
  count = 0;
  private bytes: Buffer;
  private length = HEAD_BYTES;

  constructor(previous?: BlockBuilder) {
    this.bytes = Buffer.allocUnsafe(previous ? FULL_BYTES : INITIAL_BYTES);
  }

  get isFull(): boolean {
    return this.length >= BLOCK_BYTES;
  }

  get size(): number {
    return this.length;
  }

  add({ value, headers }: Draft): void {
    this.reserve(value.length + 3 * VARINT_BYTES_MAX);
    this.varint(0);
    this.varint(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
    if (headers === undefined) this.varint(0);
    else this.headers(Object.entries(headers));
    this.count++;
  }

  seal(time: number, epoch: number): Buffer {
    this.bytes.writeUIntBE(time, 0, TIME_BYTES);
    this.bytes.writeUInt32BE(epoch, EPOCH_AT);
    this.bytes.writeUInt32BE(this.count, COUNT_AT);
    return this.bytes.subarray(0, this.length);
  }

  private headers(entries: readonly (readonly [name: string, text: string])[]): void {
    this.reserve(VARINT_BYTES_MAX);
    this.varint(entries.length);
    for (const [name, text] of entries) {
      this.text(name);
      this.text(text);
    }
  }

  private text(text: string): void {
    const size = Buffer.byteLength(text);
    this.reserve(size + VARINT_BYTES_MAX);
    this.varint(size);
    this.length += this.bytes.write(text, this.length);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, this.length + size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

export function decodeHead(block: Buffer): BlockHead {
  invariant(block.length >= HEAD_BYTES, 'a block has a head');
  return { time: block.readUIntBE(0, TIME_BYTES), epoch: block.readUInt32BE(EPOCH_AT), count: block.readUInt32BE(COUNT_AT) };
}

/** Records of the block from offset `from` up to, not including, `to`. Values share the block's memory. */
export function decodeRecords(block: Buffer, { partition, base, from, to }: { partition: number; base: number; from: number; to: number }): LogRecord[] {
  const { time, epoch, count } = decodeHead(block);
  const cursor = new Cursor(block, HEAD_BYTES);
  const records: LogRecord[] = [];
  const end = Math.min(base + count, to);
  for (let offset = base; offset < end; offset++) {
    if (offset < from) cursor.skipRecord();
    else records.push({ partition, offset, time, epoch, ...cursor.record() });
  }
  return records;
}

class Cursor {
  constructor(
    private readonly bytes: Buffer,
    private at: number,
  ) {}

  record(): Pick<LogRecord, 'value' | 'headers'> {
    this.skip();
    const value = this.slice();
    const count = this.varint();
    if (count === 0) return { value };
    const headers = Array.from({ length: count }, () => [this.text(), this.text()] as const);
    return { value, headers: Object.fromEntries(headers) };
  }

  skipRecord(): void {
    this.skip();
    this.skip();
    for (let rest = 2 * this.varint(); rest > 0; rest--) this.skip();
  }

  private text(): string {
    const size = this.varint();
    const text = this.bytes.toString('utf8', this.at, this.at + size);
    this.at += size;
    return text;
  }

  private slice(): Uint8Array {
    const size = this.varint();
    invariant(this.at + size <= this.bytes.length, 'a record lies within its block');
    const { buffer, byteOffset } = this.bytes;
    const value = new Uint8Array(buffer, byteOffset + this.at, size);
    this.at += size;
    return value;
  }

  private skip(): void {
    const size = this.varint();
    this.at += size;
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      invariant(byte !== undefined, 'a length lies within its block');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}
