/**
 * A LevelDB directory that survives failed writes. After a failed write LevelDB's own log may end in half a record, and
 * what it takes on afterwards may be gone at the next start: so the database is closed at once, opened again until that
 * works, and meanwhile refuses everything. A write that was answered is on disk.
 */
import { ClassicLevel } from 'classic-level';
import { MeridianError, type Clock } from '@meridian/accounting';

export type Level = ClassicLevel<Buffer, Buffer>;
export type Write = { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer } | { readonly type: 'del'; readonly key: Buffer };

export interface DatabaseOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Memory for rows not yet in tables, bytes, twice at most. Larger means fewer, larger tables, and less rewriting of them. */
  readonly writeBufferBytes: number;
  /** Reads what the owner keeps in memory; before every first use of an opened database. */
  readonly prepare: (level: Level) => Promise<void>;
  /** The database is back after a failed write. */
  readonly onReopened?: () => void;
  /** The owner's words for "it is closed", … */
  readonly closed: () => MeridianError;
  /** … and for what LevelDB says went wrong: a `MeridianError`, or the error itself when it is a defect of ours. */
  readonly translate: (error: unknown, doing: string) => Error;
}

/** Between attempts to open the database again, ms: room on a disk does not come back faster than people act. */
const REOPEN_INTERVAL_MS = 200;

export class Database {
  private level: Level | undefined;
  /** Why there is no `level`. */
  private refusal: MeridianError;
  private recovery: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();

  private constructor(private readonly options: DatabaseOptions) {
    this.refusal = options.closed();
  }

  /** Rejects with what `translate` makes of the failure; nothing is left open then. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const database = new Database(options);
    await database.connect();
    return database;
  }

  /** The database; throws why there is none just now. */
  opened(): Level {
    if (!this.level) throw this.refusal;
    return this.level;
  }

  /** Calls must not overlap. Resolves when all is on disk, all or none; on rejection it may be there after reopening. */
  async write(writes: Write[]): Promise<void> {
    const level = this.opened();
    try {
      await level.batch(writes, { sync: true });
    } catch (error) {
      const failure = this.options.translate(error, `writing to ${this.options.directory}`);
      if (failure instanceof MeridianError) this.recovery = this.recover(level, failure);
      throw failure;
    }
  }

  /** Not during a `write`. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.recovery;
    const level = this.level;
    this.level = undefined;
    this.refusal = this.options.closed();
    await level?.close();
  }

  private async recover(broken: Level, failure: MeridianError): Promise<void> {
    this.level = undefined;
    this.refusal = failure;
    // When closing fails the directory stays locked, and opening it says so.
    await broken.close().catch(() => undefined);
    while (!this.closing.signal.aborted) {
      try {
        await this.connect();
        this.options.onReopened?.();
        return;
      } catch (error) {
        if (!(error instanceof MeridianError)) throw error;
        this.refusal = error;
      }
      await this.options.clock.sleep(REOPEN_INTERVAL_MS, this.closing.signal);
    }
  }

  private async connect(): Promise<void> {
    const { directory, writeBufferBytes: writeBufferSize, prepare, translate } = this.options;
    const level: Level = new ClassicLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer', writeBufferSize });
    try {
      await level.open();
      await prepare(level);
    } catch (error) {
      await level.close();
      throw translate(error, `opening ${directory}`);
    }
    this.level = level;
  }
}
