/**
 * Keys of the rows in LevelDB, by their first byte. A ledger row: partition key, 0xFF, sort key, both UTF-8, in which
 * 0xFF never occurs: so no two keys collide, a partition is one range, and byte order is the order of sort keys.
 */
import type { Key } from '@meridian/ledger';

export const META_KEY = Buffer.from('\0meta');
/** Number of the last outbox row that was trimmed. */
export const TRIMMED_KEY = Buffer.from('\0trimmed');

const ROW = 1;
const OUTBOX = 2;
const CURSOR = 3;
const SEPARATOR = 0xff;
const OUTBOX_KEY_BYTES = 9;

export function rowKey({ pk, sk }: Key): Buffer {
  const pkBytes = Buffer.byteLength(pk);
  const key = Buffer.allocUnsafe(2 + pkBytes + Buffer.byteLength(sk));
  key[0] = ROW;
  key.write(pk, 1);
  key[1 + pkBytes] = SEPARATOR;
  key.write(sk, 2 + pkBytes);
  return key;
}

/** What the keys of all rows of a partition start with. */
export function partitionPrefix(pk: string): Buffer {
  return rowKey({ pk, sk: '' });
}

/** After every row of the partition. */
export function partitionEnd(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.of(SEPARATOR)]);
}

export function outboxKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(OUTBOX_KEY_BYTES);
  key[0] = OUTBOX;
  key.writeBigUInt64BE(BigInt(number), 1);
  return key;
}

export function outboxNumber(key: Buffer): number {
  return Number(key.readBigUInt64BE(1));
}

/** How far the outbox of `source` has been applied here. */
export function cursorKey(source: string): Buffer {
  return Buffer.concat([Buffer.of(CURSOR), Buffer.from(source)]);
}

export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** 0 when there is none. */
export function decodeNumber(bytes: Buffer | undefined): number {
  return bytes ? Number(bytes.readBigUInt64BE()) : 0;
}
