/** CRC-32C (Castagnoli), by which Kafka checks record batches. Node's own `crc32` is of another polynomial. */

/** Bytes at a step, each by a table of its own: three times as fast as one by one. */
const STEP = 8;
const ENTRIES = 256;
/** Reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Entry `256·t + b`: what byte `b` comes to with `t` bytes behind it. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP * ENTRIES);
  for (let byte = 0; byte < ENTRIES; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    tables[byte] = value;
  }
  for (let at = ENTRIES; at < tables.length; at++) {
    const before = tables[at - ENTRIES] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

/** Of bytes [from, to), 0..2^32−1. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const byte = (at: number): number => bytes[at] as number;
  const entry = (behind: number, value: number): number => TABLES[behind * ENTRIES + value] as number;
  let crc = -1;
  let at = from;
  for (; at + STEP <= to; at += STEP) {
    crc ^= byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24);
    crc = entry(7, crc & 0xff) ^ entry(6, (crc >>> 8) & 0xff) ^ entry(5, (crc >>> 16) & 0xff) ^ entry(4, crc >>> 24)
      ^ entry(3, byte(at + 4)) ^ entry(2, byte(at + 5)) ^ entry(1, byte(at + 6)) ^ entry(0, byte(at + 7));
  }
  for (; at < to; at++) crc = entry(0, (crc ^ byte(at)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}
