/**
 * Carries rows between the replicas of the regions of one installation that run in one process: what one replica wrote
 * itself reaches every other after a delay, in the order of the writes. Stands in for a multi-region table with
 * last-writer-wins. How far each pair is, is kept in the target in the same batch as the rows: a kill loses nothing.
 */
import type { Clock } from '@meridian/accounting';
import { LedgerError } from '@meridian/ledger';
import type { LevelLedger } from './ledger';
import { Pair } from './pair';

export interface ReplicatorOptions {
  /** At least one, each with an origin of its own. */
  readonly replicas: readonly LevelLedger[];
  readonly clock: Clock;
  /** Of every pair, until changed: from the write at the source to the write at the target. */
  readonly delayMs: number;
  /** A pair has stopped, by an error that waiting does not mend. */
  readonly onFailed: (error: Error) => void;
}

/** What waits to go from one replica to another. */
export interface Lag {
  readonly source: string;
  readonly target: string;
  readonly rows: number;
  /** Write time of the oldest, ms since the epoch. */
  readonly oldest?: number;
}

/** Rows that all targets have are dropped so many at a time: trimming costs a write of its own. */
export const TRIM_ROWS = 200;

export class Replicator {
  private readonly pairs: Pair[] = [];

  private constructor(private readonly options: ReplicatorOptions) {}

  /** Rejects with `ledger_invalid` when a replica lacks rows that are no longer in another's outbox. */
  static async start(options: ReplicatorOptions): Promise<Replicator> {
    const replicator = new Replicator(options);
    const { replicas } = options;
    const origins = new Set(replicas.map(originOf));
    if (origins.size !== replicas.length) throw new LedgerError('ledger_invalid', 'two replicas have the same origin');
    for (const source of replicas) for (const target of replicas) if (target !== source) await replicator.addPair(source, target);
    for (const pair of replicator.pairs) pair.start();
    return replicator;
  }

  setDelay(source: string, target: string, delayMs: number): void {
    this.pair(source, target).setDelay(delayMs);
  }

  /** Rows wait from now on, however long. */
  pause(source: string, target: string): void {
    this.pair(source, target).setPaused(true);
  }

  resume(source: string, target: string): void {
    this.pair(source, target).setPaused(false);
  }

  async lags(): Promise<Lag[]> {
    return Promise.all(
      this.pairs.map(async (pair) => ({ source: originOf(pair.source), target: originOf(pair.target), ...(await pair.waiting()) })),
    );
  }

  /** Resolves when nothing is under way any more. The replicas stay open. */
  async close(): Promise<void> {
    await Promise.all(this.pairs.map((pair) => pair.stop()));
  }

  private async addPair(source: LevelLedger, target: LevelLedger): Promise<void> {
    const applied = await target.appliedOf(source.identity.replica);
    if (applied < source.outbox.trimmed) {
      throw new LedgerError('ledger_invalid', `replica ${originOf(target)} lacks rows of ${originOf(source)} that are no longer in its outbox`);
    }
    const { clock, delayMs, onFailed } = this.options;
    this.pairs.push(new Pair({ source, target, applied, clock, delayMs, onFailed, onApplied: () => this.trim(source) }));
  }

  private async trim(source: LevelLedger): Promise<void> {
    const through = Math.min(...this.pairs.filter((pair) => pair.source === source).map((pair) => pair.applied));
    if (through - source.outbox.trimmed >= TRIM_ROWS) await source.trimOutbox(through);
  }

  private pair(source: string, target: string): Pair {
    const pair = this.pairs.find((one) => originOf(one.source) === source && originOf(one.target) === target);
    if (!pair) throw new LedgerError('ledger_invalid', `there are no replicas ${source} and ${target}`);
    return pair;
  }
}

function originOf({ identity }: LevelLedger): string {
  if (identity.origin === undefined) throw new LedgerError('ledger_invalid', 'a ledger without origin is not a replica');
  return identity.origin;
}
