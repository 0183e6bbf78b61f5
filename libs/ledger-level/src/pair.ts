/** One direction of replication: the outbox of a source, into a target. */
import type { Clock } from '@meridian/accounting';
import { LedgerError } from '@meridian/ledger';
import type { LevelLedger } from './ledger';
import type { OutboxPage } from './outbox';

export interface PairOptions {
  readonly source: LevelLedger;
  readonly target: LevelLedger;
  /** Number of the last outbox row that the target has. */
  readonly applied: number;
  readonly clock: Clock;
  readonly delayMs: number;
  readonly onFailed: (error: Error) => void;
  readonly onApplied: () => Promise<void>;
}

/** Rows applied at once: bounds the memory and the time of one write. */
const ROWS_MAX = 500;
/** After an error that waiting may mend, ms. */
const RETRY_MS = 200;

export class Pair {
  readonly source: LevelLedger;
  readonly target: LevelLedger;
  private through: number;
  private delayMs: number;
  private isPaused = false;
  private isStopped = false;
  /** Times that one of the three above was set. */
  private changes = 0;
  /** Resolves at the next of these, and when there are new rows. */
  private news: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Cuts a wait short. */
  private alarm = new AbortController();
  private done: Promise<void> = Promise.resolve();

  constructor(private readonly options: PairOptions) {
    this.source = options.source;
    this.target = options.target;
    this.through = options.applied;
    this.delayMs = options.delayMs;
  }

  /** Number of the last outbox row that the target has. */
  get applied(): number {
    return this.through;
  }

  start(): void {
    this.done = this.run();
  }

  stop(): Promise<void> {
    this.isStopped = true;
    this.changed();
    return this.done;
  }

  setDelay(delayMs: number): void {
    this.delayMs = delayMs;
    this.changed();
  }

  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.changed();
  }

  async waiting(): Promise<{ readonly rows: number; readonly oldest?: number }> {
    const rows = this.source.outbox.last - this.through;
    if (rows === 0) return { rows };
    const { nextTime } = await this.read(1, () => false);
    return { rows, ...(nextTime === undefined ? {} : { oldest: nextTime }) };
  }

  private async run(): Promise<void> {
    const unlisten = this.source.outbox.listen(() => this.ring());
    while (!this.isStopped) {
      const { changes } = this;
      try {
        await this.step();
      } catch (error) {
        if (error instanceof LedgerError && error.retryable) await this.sleep(RETRY_MS, changes);
        else this.fail(error as Error);
      }
    }
    unlisten();
  }

  private fail(error: Error): void {
    this.isStopped = true;
    this.options.onFailed(error);
  }

  /** Applies what is due, or waits until something may be. */
  private async step(): Promise<void> {
    // Both before looking, so that nothing falls between the look and the wait.
    const { changes } = this;
    const news = this.news.promise;
    if (this.isPaused) return news;
    const { rows, through, nextTime } = await this.read(ROWS_MAX, (time) => this.remainingMs(time) <= 0);
    if (rows.length > 0) {
      await this.target.apply(this.source.identity.replica, rows, through);
      this.through = through;
      await this.options.onApplied();
    } else if (nextTime !== undefined) {
      await this.sleep(this.remainingMs(nextTime), changes);
    } else {
      await news;
    }
  }

  private read(limit: number, isWanted: (time: number) => boolean): Promise<OutboxPage> {
    return this.source.reading((level) => this.source.outbox.read(level, this.through, limit, isWanted));
  }

  /** Until a row written at `time` is due. When the clock went back, it is: nothing waits longer than the delay. */
  private remainingMs(time: number): number {
    const remaining = time + this.delayMs - this.options.clock.now();
    return remaining > this.delayMs ? 0 : remaining;
  }

  /** Cut short by a change since there were `changes` of them. */
  private async sleep(ms: number, changes: number): Promise<void> {
    if (changes !== this.changes) return;
    this.alarm = new AbortController();
    await this.options.clock.sleep(ms, this.alarm.signal);
  }

  private changed(): void {
    this.changes++;
    this.alarm.abort();
    this.ring();
  }

  private ring(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }
}
