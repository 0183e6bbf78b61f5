/** Between the port's records and Kafka's. */
import type { Draft, LogRecord } from '@meridian/event-log';
import type { Message } from 'kafkajs';
import type Cluster from 'kafkajs/src/cluster';

/** Lengths, deltas and attributes of a record at their longest. */
const RECORD_FRAME_BYTES = 32;
const HEADER_FRAME_BYTES = 10;
/** What a batch has around its records, rounded up. */
export const BATCH_FRAME_BYTES = 128;

/** At least the bytes it takes in a batch that is not compressed. */
export function draftBytes({ key, value, headers }: Draft): number {
  let bytes = RECORD_FRAME_BYTES + Buffer.byteLength(key) + value.length;
  for (const name in headers) bytes += HEADER_FRAME_BYTES + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  return bytes;
}

export function toMessage({ partition, key, value, headers }: Draft): Message {
  const message = { partition, key: Buffer.from(key), value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  return headers === undefined ? message : { ...message, headers };
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
