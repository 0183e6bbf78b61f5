/**
 * Counts the fold's writes, to say what an event costs: inserts of deltas, manifests and parts of manifests as they are
 * asked for, those that found their row in place included.
 */
import type { Key, Ledger, Page, Range, ReadOptions, Row, StoredRow, VersionedRow } from '@meridian/ledger';

const FOLD_ROWS = ['S#', 'M#', 'P#'];

export class WriteCounter {
  private count = 0;

  get writes(): number {
    return this.count;
  }

  wrote({ pk }: Key): void {
    if (FOLD_ROWS.some((prefix) => pk.startsWith(prefix))) this.count++;
  }
}

export function withCounting(ledger: Ledger, counter: WriteCounter): Ledger {
  return {
    insert: (row: Row) => {
      counter.wrote(row);
      return ledger.insert(row);
    },
    replace: (row: VersionedRow) => {
      counter.wrote(row);
      return ledger.replace(row);
    },
    get: (key: Key, options: ReadOptions): Promise<StoredRow | undefined> => ledger.get(key, options),
    getMany: (keys: readonly Key[], options: ReadOptions) => ledger.getMany(keys, options),
    query: (pk: string, range: Range, options: ReadOptions): Promise<Page> => ledger.query(pk, range, options),
    close: () => ledger.close(),
  };
}
