/**
 * A row as an item, the same in both tables: `pk`, `sk`, the value's bytes as they are, and the version, 0 of an inserted
 * row, in DynamoDB's decimal numbers, which hold 2^53−1 exactly. Names are short: they count as bytes.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { LedgerError, type Key, type Row, type StoredRow } from '@meridian/ledger';

export type Item = Record<string, AttributeValue>;

export const VALUE = 'b';
export const VERSION = 'v';

export function keyItem({ pk, sk }: Key): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

export function rowItem(row: Row, version: number): Item {
  return { ...keyItem(row), [VALUE]: { B: row.value }, [VERSION]: { N: String(version) } };
}

/** Rejects what no adapter of ours has written. */
export function itemRow(item: Item): StoredRow {
  const [pk, sk, value, version] = [item['pk']?.S, item['sk']?.S, item[VALUE]?.B, Number(item[VERSION]?.N)];
  if (pk === undefined || sk === undefined || value === undefined || !Number.isSafeInteger(version)) {
    throw new LedgerError('ledger_invalid', 'the table has an item that is no row of the ledger');
  }
  return { pk, sk, value, version };
}

/** Whether the stored item is what an insert of `row` writes. */
export function isInserted(item: Item | undefined, row: Row): boolean {
  const value = item?.[VALUE]?.B;
  return value !== undefined && item?.[VERSION]?.N === '0' && Buffer.compare(value, row.value) === 0;
}
