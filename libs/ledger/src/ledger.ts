/**
 * The ledger port: two tables with the same tiny interface. `ledger` is one replica of a table that replicates item by
 * item, in any order, with no bound on lag; `control` is one strongly consistent table. Conditions are judged against
 * the replica asked, and only it. No transactions, scans or streams are needed.
 */

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

export interface Row extends Key {
  readonly value: Uint8Array;
}

/** A row that may be rewritten: a sample or a cache, never truth. */
export interface VersionedRow extends Row {
  /** An integer 0..2^53−1. */
  readonly version: number;
}

export interface StoredRow extends Row {
  /** 0 for an inserted row. */
  readonly version: number;
}

export interface ReadOptions {
  /** True: sees every write to this replica (not: of other replicas) that was answered before the read began. */
  readonly consistent: boolean;
}

/** A range of sort keys within one partition key, both ends inclusive, compared byte by byte. */
export interface Range {
  readonly from?: string;
  readonly to?: string;
  /** Start after this sort key (before it, when `descending`): the `next` of the page before. */
  readonly after?: string;
  /** Rows in the page, at most: 1 or more. */
  readonly limit?: number;
  readonly descending?: boolean;
}

export interface Page {
  readonly rows: readonly StoredRow[];
  /** Present when there may be more: pass it as `after`. */
  readonly next?: string;
}

/**
 * Every method rejects with `LedgerError` only. When the code is `ledger_ambiguous` a write may have been applied, or may be
 * applied later; with any other code it was not and will not be. A row larger than `ROW_BYTES_MAX` is `ledger_invalid`.
 */
export interface Ledger {
  /**
   * Writes the row unless this replica has one of that key. `inserted`: durable here. `exists`: unchanged, whatever
   * the stored row holds. Atomic per row.
   */
  insert(row: Row): Promise<'inserted' | 'exists'>;

  /**
   * Writes the row unless this replica has it with a higher version. `replaced`: durable here. `stale`: unchanged.
   * Atomic per row. A zombie that wakes with an old version cannot take a cache back.
   */
  replace(row: VersionedRow): Promise<'replaced' | 'stale'>;

  get(key: Key, options: ReadOptions): Promise<StoredRow | undefined>;

  /** In the order asked; no atomicity across rows. At most `GET_MANY_MAX` keys. */
  getMany(keys: readonly Key[], options: ReadOptions): Promise<readonly (StoredRow | undefined)[]>;

  /**
   * One page of the rows of `pk` in sort-key order. A page may hold fewer rows than `limit` (or none) and still have a
   * `next`. Rows inserted between pages may or may not appear.
   */
  query(pk: string, range: Range, options: ReadOptions): Promise<Page>;

  close(): Promise<void>;
}

/** Keys in one `getMany`: DynamoDB's limit for a batch. */
export const GET_MANY_MAX = 100;

/** UTF-8 bytes of a partition key and of a sort key, which have at least one: DynamoDB's limits. */
export const PK_BYTES_MAX = 2_048;
export const SK_BYTES_MAX = 1_024;

/** Bytes of a row, its key's included: DynamoDB's 400 KB for an item, less the names of its attributes and the version. */
export const ROW_BYTES_MAX = 400 * 1_024 - 64;

/** All rows of a range, page by page. */
export async function* queryAll(ledger: Ledger, pk: string, range: Range, options: ReadOptions): AsyncGenerator<StoredRow> {
  let after = range.after;
  for (;;) {
    const page = await ledger.query(pk, after === undefined ? range : { ...range, after }, options);
    yield* page.rows;
    if (page.next === undefined) return;
    after = page.next;
  }
}

/** Any number of keys, `GET_MANY_MAX` at a time. */
export async function getAll(ledger: Ledger, keys: readonly Key[], options: ReadOptions): Promise<(StoredRow | undefined)[]> {
  const rows: (StoredRow | undefined)[] = [];
  for (let at = 0; at < keys.length; at += GET_MANY_MAX) {
    rows.push(...(await ledger.getMany(keys.slice(at, at + GET_MANY_MAX), options)));
  }
  return rows;
}
