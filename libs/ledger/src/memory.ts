/** The ledger in memory: for tests, the simulator and benches. Rows are copied in and out by reference, never changed. */
import { LedgerError } from './errors';
import type { Key, Ledger, Page, Range, Row, StoredRow, VersionedRow } from './ledger';
import { assertKey, assertKeys, assertQuery, assertRow } from './limits';
import { compareSortKeys } from './order';

/** Rows in a page when no limit is asked for. */
const PAGE_ROWS = 1_000;
const NO_PAGE: Page = { rows: [] };
const never = (): boolean => false;
const always = (): boolean => true;

export class MemoryLedger implements Ledger {
  /** By partition key, each in the order of sort keys. */
  private readonly partitions = new Map<string, StoredRow[]>();
  private isClosed = false;

  async insert(row: Row): Promise<'inserted' | 'exists'> {
    this.assertOpen();
    assertRow(row);
    return this.write(row, 0, never) ? 'inserted' : 'exists';
  }

  async replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    this.assertOpen();
    assertRow(row);
    return this.write(row, row.version, (stored) => stored.version <= row.version) ? 'replaced' : 'stale';
  }

  async get(key: Key): Promise<StoredRow | undefined> {
    this.assertOpen();
    assertKey(key);
    return this.stored(key);
  }

  async getMany(keys: readonly Key[]): Promise<readonly (StoredRow | undefined)[]> {
    this.assertOpen();
    assertKeys(keys);
    return keys.map((key) => this.stored(key));
  }

  async query(pk: string, range: Range): Promise<Page> {
    this.assertOpen();
    assertQuery(pk, range);
    const all = this.partitions.get(pk);
    return all ? pageOf(all, range) : NO_PAGE;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** All rows, for assertions and for replication in the simulator. */
  *all(): Generator<StoredRow> {
    for (const rows of this.partitions.values()) yield* rows;
  }

  /** Writes without any condition: what replication and a hand that damages rows do. */
  put(row: StoredRow): void {
    this.write(row, row.version, always);
  }

  /** What a hand that deletes rows does. */
  remove({ pk, sk }: Key): void {
    const rows = this.partitions.get(pk);
    if (rows) this.partitions.set(pk, rows.filter((row) => row.sk !== sk));
  }

  stored({ pk, sk }: Key): StoredRow | undefined {
    const rows = this.partitions.get(pk);
    const row = rows?.[lowerBound(rows, sk)];
    return row?.sk === sk ? row : undefined;
  }

  /**
   * Writes the row unless there is one that may not be replaced; whether it did. All rows of a partition share the text of
   * its key: as each came with its own, that was a tenth of what a session takes.
   */
  private write({ pk, sk, value }: Row, version: number, mayReplace: (stored: StoredRow) => boolean): boolean {
    const rows = this.partitions.get(pk);
    const first = rows?.[0];
    if (!rows || !first) {
      this.partitions.set(pk, [{ pk, sk, value, version }]);
      return true;
    }
    const row = { pk: first.pk, sk, value, version };
    const at = lowerBound(rows, sk);
    const stored = rows[at];
    if (!stored) rows.push(row);
    else if (stored.sk !== sk) rows.splice(at, 0, row);
    else if (mayReplace(stored)) rows[at] = row;
    else return false;
    return true;
  }

  private assertOpen(): void {
    if (this.isClosed) throw new LedgerError('ledger_closed', 'the ledger is closed');
  }
}

function pageOf(all: readonly StoredRow[], { from, to, after, limit = PAGE_ROWS, descending }: Range): Page {
  let start = from === undefined ? 0 : lowerBound(all, from);
  let end = to === undefined ? all.length : upperBound(all, to);
  if (after !== undefined && descending === true) end = Math.min(end, lowerBound(all, after));
  else if (after !== undefined) start = Math.max(start, upperBound(all, after));
  const isWhole = end - start <= limit;
  if (!isWhole && descending === true) start = end - limit;
  else if (!isWhole) end = start + limit;
  const rows = all.slice(start, Math.max(start, end));
  if (descending === true) rows.reverse();
  return isWhole ? { rows } : { rows, next: (rows.at(-1) as StoredRow).sk };
}

/** Index of the first row whose sort key is not below `sk`; most are asked for at the end. */
function lowerBound(rows: readonly StoredRow[], sk: string): number {
  const last = rows.at(-1);
  if (!last || compareSortKeys(last.sk, sk) < 0) return rows.length;
  let low = 0;
  for (let high = rows.length - 1; low < high; ) {
    const middle = (low + high) >> 1;
    if (compareSortKeys((rows[middle] as StoredRow).sk, sk) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first row whose sort key is above `sk`. */
function upperBound(rows: readonly StoredRow[], sk: string): number {
  const at = lowerBound(rows, sk);
  return rows[at]?.sk === sk ? at + 1 : at;
}
