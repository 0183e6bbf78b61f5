/** What the port's records take in Kafka's batches: `produce.ts` writes those, `batches.ts` reads them. */
import type { Draft } from '@meridian/event-log';

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
