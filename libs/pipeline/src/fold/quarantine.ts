/**
 * The row of a record that was put aside: all that is needed to look at it, and to replay it later. Of one too large for a
 * row its beginning: ingest accepts none like that, so it is nothing that could be replayed.
 */
import { binaryToHex, hourOf, type Hash, type LogId } from '@meridian/accounting';
import { encodeJson, keys, type QuarantineRow, type Row } from '@meridian/ledger';
import type { BufferedQuarantine } from './fold-buffer';

/** Of a record's value. A third more in base64: DynamoDB's limit of an item is 400 KB. */
const RAW_BYTES_MAX = 200 * 1024;

/** By the log and the hour of its append, so that its place is known from the log alone. */
export function quarantineRow(log: LogId, { record, judgement }: BufferedQuarantine, hash: Hash): Row {
  const { code, message, rules, tenant } = judgement;
  const { time, offset, value: bytes } = record;
  const kept: QuarantineRow = { code, message, rules, tenant, time, raw: btoa(toBinary(bytes.subarray(0, RAW_BYTES_MAX))) };
  const value = bytes.length > RAW_BYTES_MAX ? { ...kept, cut: { bytes: bytes.length, sha256: binaryToHex(hash.bytes(bytes)) } } : kept;
  return { ...keys.quarantine(log, hourOf(time), offset), value: encodeJson(value) };
}

/** One character per byte. */
function toBinary(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return binary;
}
