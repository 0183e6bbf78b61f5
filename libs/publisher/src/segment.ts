/**
 * The format of a segment of the spool: a header with how far its events are acknowledged, then frames, each the events
 * of one write with their length and checksum. Invariant: a frame counts wholly or not at all, so what a crash or a full disk left of a
 * write is no event. Pure.
 */
import { crc32 } from 'node:zlib';

/** As JSON, without line breaks. */
export type EventText = string;

export interface Frame {
  readonly events: readonly EventText[];
  /** Where the next one starts. */
  readonly end: number;
}

const NAME = 'meridian-spool-1';
const FRAME_HEAD = /^([0-9a-f]{8}) ([0-9a-f]{8})\n$/;
const FRAME_HEAD_BYTES = 18;
const LINE_BREAK = 10;

/** It is always as long, so that rewriting it needs no room. */
export function encodeHeader(acked: number): Buffer {
  const text = `${NAME} ${acked.toString().padStart(16, '0')} `;
  return Buffer.from(`${text}${hex(crc32(text))}\n`);
}

export const HEADER_BYTES = encodeHeader(0).length;

/** Offset up to which all is acknowledged. A header that was being rewritten when the machine died says nothing: all is sent again. */
export function decodeHeader(bytes: Buffer): number {
  const acked = Number(bytes.toString('latin1', NAME.length + 1, NAME.length + 17));
  return bytes.length >= HEADER_BYTES && encodeHeader(acked).equals(bytes.subarray(0, HEADER_BYTES)) ? acked : HEADER_BYTES;
}

/** Bytes that an event takes in a frame of its own, at most. */
export function bytesOf(event: EventText): number {
  return FRAME_HEAD_BYTES + Buffer.byteLength(event) + 1;
}

export function encodeFrame(events: readonly EventText[]): Buffer {
  const payload = Buffer.from(events.map((event) => `${event}\n`).join(''));
  return Buffer.concat([Buffer.from(`${hex(payload.length)} ${hex(crc32(payload))}\n`), payload]);
}

/** Undefined: there is no whole frame at that offset. */
export function decodeFrame(bytes: Buffer, start: number): Frame | undefined {
  const [, length, checksum] = FRAME_HEAD.exec(bytes.toString('latin1', start, start + FRAME_HEAD_BYTES)) ?? [];
  if (length === undefined) return undefined;
  const [from, end] = [start + FRAME_HEAD_BYTES, start + FRAME_HEAD_BYTES + Number.parseInt(length, 16)];
  const payload = bytes.subarray(from, end);
  if (end > bytes.length || hex(crc32(payload)) !== checksum) return undefined;
  return { events: payload.toString().split('\n').slice(0, -1), end };
}

/** Where the whole frames end. `isDamaged`: a further one follows, so what lies between was whole once. */
export function measure(bytes: Buffer): { readonly end: number; readonly isDamaged: boolean } {
  let end = HEADER_BYTES;
  for (let frame = decodeFrame(bytes, end); frame; frame = decodeFrame(bytes, end)) end = frame.end;
  // By the line break in its own head: that before it may be the byte that is wrong.
  for (let at = bytes.indexOf(LINE_BREAK, end + FRAME_HEAD_BYTES); at >= 0; at = bytes.indexOf(LINE_BREAK, at + 1)) if (decodeFrame(bytes, at + 1 - FRAME_HEAD_BYTES)) return { end, isDamaged: true };
  return { end: Math.min(end, bytes.length), isDamaged: false };
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
