/**
 * The records in a fetch's answer, as the broker stores them: batches of format 2, perhaps compressed, the last one
 * perhaps cut off. Read in one pass: kafkajs' own decoder makes some thirty objects of a record, big numbers among them,
 * and takes longer for it than the fold for all that follows.
 */
import { EventLogError, type LogRecord } from '@meridian/event-log';
import { crc32c } from '@node-rs/crc32';
import { lookupCodecByAttributes } from 'kafkajs/src/protocol/message/compression';

/** Where the fields of a batch begin: its first offset at 0, its records at the end. */
const SIZE_AT = 8;
const EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** From here on the checksum holds: what lies before, the broker sets. */
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const MAX_TIME_AT = 35;
const COUNT_AT = 57;
const RECORDS_AT = 61;
const MAGIC = 2;
const FLAG_LOG_APPEND_TIME = 8;
const FLAG_TRANSACTIONAL = 16;
/** Its records are marks of a transaction's end. */
const FLAG_CONTROL = 32;
/** A number of 32 bits in groups of 7, and one of 64. */
const VARINT_BYTES_MAX = 5;
const VARLONG_BYTES_MAX = 10;

/** What is read: of one partition of one topic. */
export interface Source {
  readonly topic: string;
  readonly partition: number;
  /** First offset to answer: a batch is answered whole, also what of it lies before. */
  readonly offset: number;
}

/** Without gaps, from `offset` on. Rejects with `log_invalid` when the topic is not as the log needs it. */
export async function readBatches(bytes: Buffer, source: Source): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let at = 0; at + RECORDS_AT <= bytes.length; ) {
    const end = at + EPOCH_AT + bytes.readInt32BE(at + SIZE_AT);
    if (end > bytes.length) break;
    if (end < at + RECORDS_AT) throw malformed(source);
    const batch = bytes.subarray(at, end);
    at = end;
    if (batch[MAGIC_AT] !== MAGIC) throw new EventLogError('log_invalid', `topic ${source.topic} has batches of format ${batch[MAGIC_AT] ?? ''}: the log needs format ${MAGIC}, which knows leader epochs`);
    if (int64(batch, 0) + batch.readInt32BE(LAST_DELTA_AT) < source.offset) continue;
    if (batch.readUInt32BE(CRC_AT) !== crc32c(batch.subarray(ATTRIBUTES_AT))) throw damaged(batch, source);
    const codec = lookupCodecByAttributes(batch.readInt16BE(ATTRIBUTES_AT));
    readBatch(batch, codec ? await codec.decompress(batch.subarray(RECORDS_AT)) : batch.subarray(RECORDS_AT), source, records);
  }
  return records;
}

/** Adds the records of `batch`, which lie in `bytes`. */
function readBatch(batch: Buffer, bytes: Buffer, source: Source, records: LogRecord[]): void {
  const { topic, partition, offset: from } = source;
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  if ((attributes & (FLAG_TRANSACTIONAL | FLAG_CONTROL)) !== 0) {
    // Aborted ones are handed out like any other: whether they count, the batch does not say.
    throw new EventLogError('log_invalid', `the batch at ${partition}:${int64(batch, 0)} was written by a transaction: only ingest may write to topic ${topic}`);
  }
  if ((attributes & FLAG_LOG_APPEND_TIME) === 0) {
    throw new EventLogError('log_invalid', `the batch at ${partition}:${int64(batch, 0)} does not carry the broker's append time: topic ${topic} needs message.timestamp.type=LogAppendTime`);
  }
  const base = int64(batch, 0);
  const time = int64(batch, MAX_TIME_AT);
  const epoch = batch.readInt32BE(EPOCH_AT);
  const reader = new RecordReader(bytes, source);
  const count = batch.readInt32BE(COUNT_AT);
  for (let i = 0; i < count; i++) {
    const end = reader.start();
    const offset = base + reader.varint();
    if (offset !== base + i || offset > from + records.length) throw gap(source, offset, records);
    if (offset < from) {
      reader.at = end;
      continue;
    }
    reader.skip();
    const record = { partition, offset, time, epoch, value: reader.bytes() };
    const headers = reader.headers();
    if (reader.at !== end) throw malformed(source);
    records.push(headers === undefined ? record : { ...record, headers });
  }
}

/** Reads the fields of one record after the other. What is absent is empty: others may have written it. */
class RecordReader {
  at = 0;

  constructor(private readonly buffer: Buffer, private readonly source: Source) {}

  /** Goes up to the record's offset; answers where the record ends. */
  start(): number {
    const size = this.varint();
    const end = this.at + size;
    if (size < 0 || end > this.buffer.length) throw malformed(this.source);
    // Attributes, of which there are none, and what its own time is beyond the batch's first: the batch's counts.
    this.at++;
    for (let bytes = 1; (this.buffer[this.at++] as number) >= 0x80; bytes++) if (bytes === VARLONG_BYTES_MAX) throw malformed(this.source);
    return end;
  }

  /** An integer of 32 bits, zigzag. */
  varint(): number {
    const { buffer } = this;
    let { at } = this;
    let value = 0;
    for (let shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
      const byte = buffer[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      this.at = at;
      return (value >>> 1) ^ -(value & 1);
    }
    throw malformed(this.source);
  }

  text(): string {
    const from = this.skip();
    return this.buffer.toString('utf8', from, this.at);
  }

  bytes(): Uint8Array {
    const from = this.skip();
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset + from, this.at - from);
  }

  /** Undefined when there are none; of a header given more than once, the last. */
  headers(): Record<string, string> | undefined {
    const count = this.varint();
    if (count <= 0) return undefined;
    return Object.fromEntries(Array.from({ length: count }, () => [this.text(), this.text()]));
  }

  /** Passes over what stands behind its length, −1 for nothing; answers where it begins. */
  skip(): number {
    const length = this.varint();
    const from = this.at;
    if (length > 0) this.at += length;
    if (this.at > this.buffer.length) throw malformed(this.source);
    return from;
  }
}

/** Offsets and times: far below 2^53. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

function gap({ topic, partition, offset: from }: Source, offset: number, records: readonly LogRecord[]): EventLogError {
  return new EventLogError('log_invalid', `partition ${partition} goes on at ${offset} after ${from + records.length - 1}: topic ${topic} is compacted`);
}

/** On the way, perhaps: it is read again over another connection. Brokers look when they store a batch, not when they hand it out. */
function damaged(batch: Buffer, { topic, partition }: Source): EventLogError {
  return new EventLogError('log_unavailable', `the checksum of the batch at ${partition}:${int64(batch, 0)} of topic ${topic} does not hold: what the broker stores or sent is damaged`);
}

/** Written wrongly, or cut off in the middle. */
function malformed({ topic, partition, offset }: Source): EventLogError {
  return new EventLogError('log_unavailable', `what the broker answered for ${topic} ${partition}:${offset} is malformed`);
}
