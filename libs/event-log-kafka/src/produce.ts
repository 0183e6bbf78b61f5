/**
 * The body of a produce request, versions 3 to 7: record batches (magic 2), written once into one buffer. kafkajs' encoder
 * gives the same bytes, with a buffer for every number, record, batch and request and a copy of each into the next: that
 * was the largest part of an ingest's time in a profile. Neighbours: `producer.ts` sends it, `record.ts` knows how large records get.
 */
import type { Draft } from '@meridian/event-log';
import { crc32c } from '@node-rs/crc32';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BATCH_FRAME_BYTES, draftBytes, textBytes } from './record';

export interface ProduceBody {
  readonly topic: string;
  readonly acks: number;
  readonly timeoutMs: number;
  /** Of all records, ms since the epoch; the topic replaces it by the append time. */
  readonly time: number;
  readonly gzip: boolean;
  readonly batches: readonly Batch[];
}

export interface Batch {
  readonly partition: number;
  /** At least one. */
  readonly drafts: readonly Draft[];
}

/** What the request has before its batches, without the name of the topic. */
const HEAD_BYTES = 20;
const NO_TRANSACTION = -1;

export async function encodeProduce({ topic, acks, timeoutMs, time, gzip: isCompressed, batches }: ProduceBody): Promise<Buffer> {
  const packed = isCompressed ? await Promise.all(batches.map(({ drafts }) => pack(drafts))) : [];
  const topicBytes = textBytes(topic);
  const bytes = Buffer.allocUnsafe(batches.reduce((sum, { drafts }, i) => sum + BATCH_FRAME_BYTES + (packed[i]?.length ?? recordsBytes(drafts)), HEAD_BYTES + topicBytes));
  let at = bytes.writeInt16BE(NO_TRANSACTION, 0);
  at = bytes.writeInt16BE(acks, at);
  at = bytes.writeInt32BE(timeoutMs, at);
  at = bytes.writeInt32BE(1, at);
  at = bytes.writeInt16BE(topicBytes, at);
  at = writeText(bytes, at, topic);
  at = bytes.writeInt32BE(batches.length, at);
  for (const [i, { partition, drafts }] of batches.entries()) {
    const batchAt = bytes.writeInt32BE(partition, at) + 4;
    at = writeBatch(bytes, batchAt, { drafts, time, packed: packed[i] });
    bytes.writeInt32BE(at - batchAt, batchAt - 4);
  }
  return bytes.subarray(0, at);
}

const GZIP = 1;
const MAGIC = 2;
const NO_PRODUCER = -1n;
/** Places in a batch: its length counts from behind itself, its checksum from the attributes on. */
const BATCH_LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;

interface Records {
  readonly drafts: readonly Draft[];
  readonly time: number;
  /** The records compressed. */
  readonly packed: Buffer | undefined;
}

/** Answers where it ends, as all of these do. */
function writeBatch(bytes: Buffer, from: number, { drafts, time, packed }: Records): number {
  bytes.writeBigInt64BE(0n, from);
  bytes.writeInt32BE(0, from + LEADER_EPOCH_AT);
  bytes[from + LEADER_EPOCH_AT + 4] = MAGIC;
  let at = bytes.writeInt16BE(packed ? GZIP : 0, from + ATTRIBUTES_AT);
  at = bytes.writeInt32BE(drafts.length - 1, at);
  at = bytes.writeBigInt64BE(BigInt(time), at);
  at = bytes.writeBigInt64BE(BigInt(time), at);
  at = bytes.writeBigInt64BE(NO_PRODUCER, at);
  // Epoch of the producer and first sequence: of idempotent producers.
  at = bytes.writeInt16BE(0, at);
  at = bytes.writeInt32BE(0, at);
  at = bytes.writeInt32BE(drafts.length, at);
  if (packed) {
    bytes.set(packed, at);
    at += packed.length;
  } else at = writeRecords(bytes, at, drafts);
  bytes.writeInt32BE(at - from - LEADER_EPOCH_AT, from + BATCH_LENGTH_AT);
  bytes.writeUInt32BE(crc32c(bytes.subarray(from + ATTRIBUTES_AT, at)), from + CRC_AT);
  return at;
}

function recordsBytes(drafts: readonly Draft[]): number {
  let bytes = 0;
  for (const draft of drafts) bytes += draftBytes(draft);
  return bytes;
}

const compress = promisify(gzip);

function pack(drafts: readonly Draft[]): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(recordsBytes(drafts));
  return compress(bytes.subarray(0, writeRecords(bytes, 0, drafts)));
}

function writeRecords(bytes: Buffer, from: number, drafts: readonly Draft[]): number {
  let at = from;
  for (let delta = 0; delta < drafts.length; delta++) {
    const { key, value, headers } = drafts[delta] as Draft;
    const [names, headersBytes] = headers === undefined ? [NO_NAMES, 1] : measureHeaders(headers);
    const keyBytes = textBytes(key);
    // Two bytes: attributes and the difference in time, both 0.
    at = writeVarint(bytes, at, 2 + varintBytes(delta) + varintBytes(keyBytes) + keyBytes + varintBytes(value.length) + value.length + headersBytes);
    bytes[at++] = 0;
    bytes[at++] = 0;
    at = writeVarint(bytes, at, delta);
    at = writeVarint(bytes, at, keyBytes);
    at = writeText(bytes, at, key);
    at = writeVarint(bytes, at, value.length);
    bytes.set(value, at);
    at = writeVarint(bytes, at + value.length, names.length);
    for (const name of names) {
      at = writeVarint(bytes, at, textBytes(name));
      at = writeText(bytes, at, name);
      const text = headers?.[name] ?? '';
      at = writeVarint(bytes, at, textBytes(text));
      at = writeText(bytes, at, text);
    }
  }
  return at;
}

const NO_NAMES: readonly string[] = [];

/** Their names, and how many bytes they take with their number. */
function measureHeaders(headers: Readonly<Record<string, string>>): [names: readonly string[], bytes: number] {
  const names = Object.keys(headers);
  let bytes = varintBytes(names.length);
  for (const text of names.flatMap((name) => [name, headers[name] ?? ''])) bytes += varintBytes(textBytes(text)) + textBytes(text);
  return [names, bytes];
}

/** ASCII by ourselves: to ask Node takes longer for texts as short as keys. */
function writeText(bytes: Buffer, from: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return from + bytes.write(text, from);
    bytes[from + i] = unit;
  }
  return from + text.length;
}

/** Of a number that is not negative, below 2^30. Kafka's are signed ("zigzag"): it takes a bit more. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 6; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarint(bytes: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value << 1;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
