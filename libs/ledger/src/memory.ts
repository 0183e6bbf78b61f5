/** The ledger in memory: for tests, the simulator and benches. Rows are copied in and out by reference, never changed. */
import { LedgerError } from './errors';
import type { Key, Ledger, Page, Range, Row, StoredRow, VersionedRow } from './ledger';
import { assertKey, assertKeys, assertQuery } from './limits';
import { compareSortKeys } from './order';

/** Rows of one partition key; sorted when first read after a write that was not at the end. */
interface Partition {
  readonly rows: Map<string, StoredRow>;
  sorted: string[];
  isSorted: boolean;
}

/** Rows in a page when no limit is asked for. */
const PAGE_ROWS = 1_000;

export class MemoryLedger implements Ledger {
  private readonly partitions = new Map<string, Partition>();
  private isClosed = false;

  insert(row: Row): Promise<'inserted' | 'exists'> {
    return this.answer(() => {
      assertKey(row);
      if (this.stored(row)) return 'exists';
      this.put({ ...row, version: 0 });
      return 'inserted';
    });
  }

  replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    return this.answer(() => {
      assertKey(row);
      const stored = this.stored(row);
      if (stored && stored.version > row.version) return 'stale';
      this.put(row);
      return 'replaced';
    });
  }

  get(key: Key): Promise<StoredRow | undefined> {
    return this.answer(() => {
      assertKey(key);
      return this.stored(key);
    });
  }

  getMany(keys: readonly Key[]): Promise<readonly (StoredRow | undefined)[]> {
    return this.answer(() => {
      assertKeys(keys);
      return keys.map((key) => this.stored(key));
    });
  }

  query(pk: string, range: Range): Promise<Page> {
    return this.answer(() => {
      assertQuery(pk, range);
      const partition = this.partitions.get(pk);
      if (!partition) return { rows: [] };
      const limit = range.limit ?? PAGE_ROWS;
      const sorted = sortedKeys(partition);
      const rows: StoredRow[] = [];
      const step = range.descending === true ? -1 : 1;
      for (let at = startIndex(sorted, range); at >= 0 && at < sorted.length; at += step) {
        const sk = sorted[at] as string;
        if (step === 1 ? range.to !== undefined && compareSortKeys(sk, range.to) > 0 : range.from !== undefined && compareSortKeys(sk, range.from) < 0) break;
        if (rows.length === limit) return { rows, next: (rows.at(-1) as StoredRow).sk };
        rows.push(partition.rows.get(sk) as StoredRow);
      }
      return { rows };
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** All rows, for assertions and for replication in the simulator. */
  *all(): Generator<StoredRow> {
    for (const partition of this.partitions.values()) yield* partition.rows.values();
  }

  /** Writes without any condition: what replication and a hand that damages rows do. */
  put(row: StoredRow): void {
    let partition = this.partitions.get(row.pk);
    if (!partition) {
      partition = { rows: new Map(), sorted: [], isSorted: true };
      this.partitions.set(row.pk, partition);
    }
    if (!partition.rows.has(row.sk)) {
      const last = partition.sorted.at(-1);
      if (last !== undefined && compareSortKeys(row.sk, last) < 0) partition.isSorted = false;
      partition.sorted.push(row.sk);
    }
    partition.rows.set(row.sk, row);
  }

  stored(key: Key): StoredRow | undefined {
    return this.partitions.get(key.pk)?.rows.get(key.sk);
  }

  private async answer<T>(act: () => T): Promise<T> {
    if (this.isClosed) throw new LedgerError('ledger_closed', 'the ledger is closed');
    return act();
  }
}

function sortedKeys(partition: Partition): readonly string[] {
  if (!partition.isSorted) {
    partition.sorted.sort(compareSortKeys);
    partition.isSorted = true;
  }
  return partition.sorted;
}

/** Index of the first sort key in the range, in its direction. */
function startIndex(sorted: readonly string[], { from, to, after, descending }: Range): number {
  if (descending === true) {
    let at = to === undefined ? sorted.length : upperBound(sorted, to);
    if (after !== undefined) at = Math.min(at, lowerBound(sorted, after));
    return at - 1;
  }
  let at = from === undefined ? 0 : lowerBound(sorted, from);
  if (after !== undefined) at = Math.max(at, upperBound(sorted, after));
  return at;
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareSortKeys(sorted[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareSortKeys(sorted[middle] as string, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
