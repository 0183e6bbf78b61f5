/** Between the port's records and Kafka's. */
import type { Draft, LogRecord } from '@meridian/event-log';
import type Cluster from 'kafkajs/src/cluster';

/** Lengths, deltas and attributes of a record at their longest. */
const RECORD_FRAME_BYTES = 32;
const HEADER_FRAME_BYTES = 10;
/** What a batch has around its records, rounded up. */
export const BATCH_FRAME_BYTES = 128;

/** At least the bytes it takes in a batch that is not compressed. */
export function draftBytes({ key, value, headers }: Draft): number {
  let bytes = RECORD_FRAME_BYTES + textBytes(key) + value.length;
  for (const name in headers) bytes += HEADER_FRAME_BYTES + textBytes(name) + textBytes(headers[name] ?? '');
  return bytes;
}

/** Bytes of UTF-8. Nearly all text here is short and ASCII: to look takes less than to ask Node. */
export function textBytes(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

/** A record that others wrote may lack key or value: empty here. */
export function toRecord(partition: number, { offset, timestamp, key, value, headers, batchContext }: Cluster.Message): LogRecord {
  const record = {
    partition,
    offset: Number(offset),
    time: Number(timestamp),
    epoch: batchContext.partitionLeaderEpoch,
    key: key?.toString() ?? '',
    value: value ?? new Uint8Array(0),
  };
  const named = Object.entries(headers);
  return named.length === 0 ? record : { ...record, headers: Object.fromEntries(named.map(([name, text]) => [name, headerText(text)])) };
}

/** Of a header given more than once, the last. */
function headerText(value: Buffer | readonly Buffer[] | null): string {
  const last = Array.isArray(value) ? (value as readonly Buffer[]).at(-1) : (value as Buffer | null);
  return last?.toString() ?? '';
}
