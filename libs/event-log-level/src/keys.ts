/**
 * Keys of the rows in LevelDB. A data row holds a block of consecutive records of one partition under the offset of its
 * first: `1`, partition (u16), offset (u64), big-endian, so that byte order is offset order. `0` and a name: one of a kind.
 */

export const META_KEY = Buffer.from('\0meta');
export const EPOCH_KEY = Buffer.from('\0epoch');

/** Partitions fit in a u16. */
export const PARTITIONS_MAX = 0x10000;

const DATA_PREFIX = 1;
const KEY_BYTES = 11;
const PARTITION_AT = 1;
const OFFSET_AT = 3;

export function blockKey(partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key[0] = DATA_PREFIX;
  key.writeUInt16BE(partition, PARTITION_AT);
  key.writeBigUInt64BE(BigInt(offset), OFFSET_AT);
  return key;
}

/** Offset of the first record of a block. */
export function blockBase(key: Buffer): number {
  return Number(key.readBigUInt64BE(OFFSET_AT));
}
