/** What every adapter refuses in the same words: calls that one of them could not carry out. */
import { LedgerError } from './errors';
import { GET_MANY_MAX, PK_BYTES_MAX, ROW_BYTES_MAX, SK_BYTES_MAX, type Key, type Range, type Row } from './ledger';

const encoder = new TextEncoder();
/** UTF-8 bytes of one UTF-16 unit, at most. */
const BYTES_PER_UNIT_MAX = 3;

/** Throws `ledger_invalid` unless both parts are there and not too long. */
export function assertKey({ pk, sk }: Key): void {
  assertPk(pk);
  assertSk(sk);
}

/** Throws `ledger_invalid` unless the key is one and the row is not too large. */
export function assertRow({ pk, sk, value }: Row): void {
  assertPk(pk);
  assertSk(sk);
  if ((pk.length + sk.length) * BYTES_PER_UNIT_MAX + value.length <= ROW_BYTES_MAX) return;
  const bytes = encoder.encode(pk + sk).length + value.length;
  if (bytes > ROW_BYTES_MAX) throw new LedgerError('ledger_invalid', `a row has at most ${ROW_BYTES_MAX} bytes, key and all, not ${bytes}: ${pk} ${sk}`);
}

export function assertKeys(keys: readonly Key[]): void {
  if (keys.length > GET_MANY_MAX) throw new LedgerError('ledger_invalid', `getMany takes at most ${GET_MANY_MAX} keys, got ${keys.length}`);
  keys.forEach(assertKey);
}

export function assertQuery(pk: string, { limit }: Range): void {
  assertPk(pk);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new LedgerError('ledger_invalid', `a limit is a whole number of rows above 0, not ${limit}`);
  }
}

function assertPk(pk: string): void {
  assertLength('partition key', pk, PK_BYTES_MAX);
}

function assertSk(sk: string): void {
  assertLength('sort key', sk, SK_BYTES_MAX);
}

function assertLength(name: string, text: string, max: number): void {
  if (text.length > 0 && text.length * BYTES_PER_UNIT_MAX <= max) return;
  const bytes = encoder.encode(text).length;
  if (bytes < 1 || bytes > max) throw new LedgerError('ledger_invalid', `a ${name} has 1 to ${max} bytes, not ${bytes}`);
}
