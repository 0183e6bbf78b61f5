/**
 * The ledger on LevelDB: one table, or one replica of one, in one directory, for one process. Writes are on disk before
 * they are answered. Neighbours: `committer.ts` groups and judges writes, `outbox.ts` and `replicator.ts` carry rows to the other replicas.
 */
import type { Clock } from '@meridian/accounting';
import {
  assertKey, assertKeys, assertQuery, assertRow, LedgerError,
  type Key, type Ledger, type Page, type Range, type Row, type StoredRow, type VersionedRow,
} from '@meridian/ledger';
import { Database, type IteratorOptions, type Level } from '@meridian/level';
import { applying, inserting, replacing, trimming, type ReplicatedRow } from './change';
import { Committer } from './committer';
import { ambiguous, translate } from './errors';
import { loadIdentity, type ReplicaIdentity } from './identity';
import { cursorKey, decodeNumber, partitionEnd, partitionPrefix, rowKey } from './keys';
import { Outbox } from './outbox';
import { decodeRow } from './row';

export interface LevelLedgerOptions {
  /** Created when it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  /** The region whose replica it is. Given: what is written here waits in an outbox for a `Replicator`. */
  readonly origin?: string;
}

const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
/** Rows of a page when no limit is asked for. */
const PAGE_ROWS = 1_000;
/** A page ends with the row that goes beyond this. */
const PAGE_BYTES = 1024 * 1024;
/** Rows fetched from LevelDB at once. */
const FETCH_ROWS = 100;

export class LevelLedger implements Ledger {
  private readonly replicated: Outbox | undefined;
  private readonly committer: Committer;
  private closed: Promise<void> | undefined;
  private database!: Database;
  private loaded!: ReplicaIdentity;

  private constructor(private readonly options: LevelLedgerOptions) {
    this.replicated = options.origin === undefined ? undefined : new Outbox();
    this.committer = new Committer({
      opened: () => this.database.opened(),
      write: (writes) => this.database.write(writes).catch((error: unknown) => Promise.reject(ambiguous(error))),
      begin: () => this.replicated?.begin(),
      wrote: () => this.replicated?.wrote(),
    });
  }

  /** Rejects with `ledger_invalid` when the directory has another origin, with `ledger_unavailable` when another process has it open. */
  static async open(options: LevelLedgerOptions): Promise<LevelLedger> {
    const ledger = new LevelLedger(options);
    ledger.database = await Database.open({
      directory: options.directory,
      clock: options.clock,
      writeBufferBytes: WRITE_BUFFER_BYTES,
      closed: () => new LedgerError('ledger_closed', 'the ledger is closed'),
      translate,
      prepare: async (level) => {
        ledger.loaded = await loadIdentity(level, options.origin);
        await ledger.replicated?.load(level);
      },
    });
    return ledger;
  }

  async insert(row: Row): Promise<'inserted' | 'exists'> {
    this.assertReady(() => assertRow(row));
    return this.committer.commit(inserting(row, { clock: this.options.clock, outbox: this.replicated }));
  }

  async replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    this.assertReady(() => assertRow(row));
    return this.committer.commit(replacing(row, { clock: this.options.clock, outbox: this.replicated }));
  }

  async get(key: Key): Promise<StoredRow | undefined> {
    this.assertReady(() => assertKey(key));
    return this.reading(async (level) => {
      const row = await level.get(rowKey(key));
      return row && decodeRow(key, row);
    });
  }

  async getMany(keys: readonly Key[]): Promise<readonly (StoredRow | undefined)[]> {
    this.assertReady(() => assertKeys(keys));
    return this.reading(async (level) => {
      const rows = await level.getMany(keys.map(rowKey));
      return keys.map((key, at) => rows[at] && decodeRow(key, rows[at]));
    });
  }

  async query(pk: string, range: Range): Promise<Page> {
    this.assertReady(() => assertQuery(pk, range));
    return this.reading((level) => readPage(level, pk, range));
  }

  /** Writes that were called before are written first. */
  close(): Promise<void> {
    this.closed ??= this.committer.idle().then(() => this.database.close());
    return this.closed;
  }

  /** Which replica it is. */
  get identity(): ReplicaIdentity {
    return this.loaded;
  }

  /** For the replicator. */
  get outbox(): Outbox {
    if (!this.replicated) throw new LedgerError('ledger_invalid', 'a ledger without origin has no outbox');
    return this.replicated;
  }

  /** For the replicator: a read of the database as it is. */
  async reading<T>(read: (level: Level) => Promise<T>): Promise<T> {
    this.assertReady();
    const level = this.database.opened();
    try {
      return await read(level);
    } catch (error) {
      throw translate(error, `reading ${this.options.directory}`);
    }
  }

  /** For the replicator: number of the last row of the outbox of `replica` that was applied here. */
  async appliedOf(replica: string): Promise<number> {
    return this.reading(async (level) => decodeNumber(await level.get(cursorKey(replica))));
  }

  /** For the replicator: rows of the outbox of `replica` up to number `through`, and that number, in one batch. */
  async apply(replica: string, rows: readonly ReplicatedRow[], through: number): Promise<void> {
    this.assertReady();
    await this.committer.commit(applying(replica, rows, through));
  }

  /** For the replicator: every other replica has the rows of the outbox up to number `through`. */
  async trimOutbox(through: number): Promise<void> {
    this.assertReady();
    await this.committer.commit(trimming(this.outbox, through));
  }

  private assertReady(check?: () => void): void {
    if (this.closed) throw new LedgerError('ledger_closed', 'the ledger is closed');
    check?.();
    this.database.opened();
  }
}

async function readPage(level: Level, pk: string, range: Range): Promise<Page> {
  const { limit = PAGE_ROWS } = range;
  const prefix = partitionPrefix(pk);
  // One row more than asked for tells whether there is more.
  const iterator = level.iterator({ ...bounds(pk, prefix, range), limit: limit + 1 });
  const rows: StoredRow[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const entries = await iterator.nextv(Math.min(FETCH_ROWS, limit + 1));
      if (entries.length === 0) return { rows };
      for (const [key, row] of entries) {
        const last = rows.at(-1);
        if (last && (rows.length === limit || bytes > PAGE_BYTES)) return { rows, next: last.sk };
        rows.push(decodeRow({ pk, sk: key.toString('utf8', prefix.length) }, row));
        bytes += row.length;
      }
    }
  } finally {
    await iterator.close();
  }
}

/** `after` counts only when it lies within the range, in its direction. */
function bounds(pk: string, prefix: Buffer, { from, to, after, descending = false }: Range): Pick<IteratorOptions<Buffer, Buffer>, 'gt' | 'gte' | 'lt' | 'lte' | 'reverse'> {
  const lower = from === undefined ? prefix : rowKey({ pk, sk: from });
  const upper = to === undefined ? partitionEnd(prefix) : rowKey({ pk, sk: to });
  const start = after === undefined ? undefined : rowKey({ pk, sk: after });
  if (descending) return { gte: lower, ...(start && Buffer.compare(start, upper) <= 0 ? { lt: start } : { lte: upper }), reverse: true };
  return { ...(start && Buffer.compare(start, lower) >= 0 ? { gt: start } : { gte: lower }), lte: upper };
}
