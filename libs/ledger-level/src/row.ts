/**
 * A row as stored, and an outbox row. Row: version (f64, exact for integers up to 2^53), write time (u48), value.
 * Outbox row: time (u48), length of the row's key (u32), the key, and the stored row when it may be rewritten; an
 * inserted row is looked up by its key instead of being written twice.
 */
import type { Key, StoredRow } from '@meridian/ledger';

const VERSION_BYTES = 8;
const TIME_BYTES = 6;
const VALUE_AT = VERSION_BYTES + TIME_BYTES;
const LENGTH_BYTES = 4;
const OUTBOX_KEY_AT = TIME_BYTES + LENGTH_BYTES;

export interface RowHead {
  readonly version: number;
  /** Of the write at its origin, ms since the epoch. */
  readonly time: number;
}

export interface OutboxRow {
  readonly time: number;
  readonly key: Buffer;
  /** Absent: look it up. */
  readonly row: Buffer | undefined;
}

export function encodeRow({ version, time }: RowHead, value: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(VALUE_AT + value.length);
  row.writeDoubleBE(version, 0);
  row.writeUIntBE(time, VERSION_BYTES, TIME_BYTES);
  row.set(value, VALUE_AT);
  return row;
}

export function decodeHead(row: Buffer): RowHead {
  return { version: row.readDoubleBE(0), time: row.readUIntBE(VERSION_BYTES, TIME_BYTES) };
}

/** The value shares the memory of `row`. */
export function decodeRow({ pk, sk }: Key, row: Buffer): StoredRow {
  return { pk, sk, version: row.readDoubleBE(0), value: new Uint8Array(row.buffer, row.byteOffset + VALUE_AT, row.length - VALUE_AT) };
}

/**
 * Whether a replicated row takes the place of a stored one: the higher version, then the later write, then the greater
 * bytes. A total order, so that replicas which have seen the same rows hold the same, in whatever order they came.
 */
export function supersedes(incoming: Buffer, stored: Buffer | undefined): boolean {
  if (!stored) return true;
  const [a, b] = [decodeHead(incoming), decodeHead(stored)];
  if (a.version !== b.version) return a.version > b.version;
  if (a.time !== b.time) return a.time > b.time;
  return Buffer.compare(incoming, stored) > 0;
}

export function encodeOutboxRow({ time, key, row }: OutboxRow): Buffer {
  const bytes = Buffer.allocUnsafe(OUTBOX_KEY_AT + key.length + (row?.length ?? 0));
  bytes.writeUIntBE(time, 0, TIME_BYTES);
  bytes.writeUInt32BE(key.length, TIME_BYTES);
  key.copy(bytes, OUTBOX_KEY_AT);
  row?.copy(bytes, OUTBOX_KEY_AT + key.length);
  return bytes;
}

export function decodeOutboxRow(bytes: Buffer): OutboxRow {
  const keyEnd = OUTBOX_KEY_AT + bytes.readUInt32BE(TIME_BYTES);
  return {
    time: bytes.readUIntBE(0, TIME_BYTES),
    key: bytes.subarray(OUTBOX_KEY_AT, keyEnd),
    row: keyEnd < bytes.length ? bytes.subarray(keyEnd) : undefined,
  };
}
