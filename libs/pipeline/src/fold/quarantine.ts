/** The row of a record that was put aside: all that is needed to look at it, and to replay it later. */
import { hourOf, type LogId } from '@meridian/accounting';
import { encodeJson, keys, type QuarantineRow, type Row } from '@meridian/ledger';
import type { BufferedQuarantine } from './fold-buffer';

/** By the log and the hour of its append, so that its place is known from the log alone. */
export function quarantineRow(log: LogId, { record, judgement }: BufferedQuarantine): Row {
  const { code, message, rules, tenant } = judgement;
  const value: QuarantineRow = { code, message, rules, tenant, time: record.time, raw: toBase64(record.value) };
  return { ...keys.quarantine(log, hourOf(record.time), record.offset), value: encodeJson(value) };
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
