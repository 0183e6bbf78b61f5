/**
 * A simulated global table: one replica per region, conditions judged locally, rows replicated one by one in any order,
 * the last writer by wall clock wins, silently. Requests are throttled, lost, or applied and not answered.
 */
import { LedgerError, MemoryLedger, type Key, type Ledger, type Page, type Range, type ReadOptions, type Row, type StoredRow, type VersionedRow } from '@meridian/ledger';
import type { SeededRandom } from './random';
import type { Scheduler } from './scheduler';
import type { SimProcess } from './sim-process';

interface Stamp {
  readonly wall: number;
  readonly region: string;
  /** When this replica got it, true time, and what it had before: for reads that lag. */
  readonly at: number;
  readonly before: StoredRow | undefined;
}

interface Replica {
  readonly rows: MemoryLedger;
  readonly stamps: Map<string, Stamp>;
}

export interface TableFaults {
  /** Probability that a request fails in one way or another. */
  failure: number;
  /** Mean of one row's way to one other region, ms. */
  replicationMs: number;
  /** How far an eventually consistent read may lag, ms. */
  stalenessMs: number;
}

export class SimTable {
  private readonly replicas = new Map<string, Replica>();
  /** Regions that get nothing from, and send nothing to, others; what is under way waits. */
  private readonly isolated = new Set<string>();
  private readonly held: { readonly to: string; readonly from: string; readonly apply: () => void }[] = [];
  private readonly lost = new Set<string>();

  constructor(
    private readonly scheduler: Scheduler,
    private readonly random: SeededRandom,
    readonly regions: readonly string[],
    readonly faults: TableFaults,
  ) {
    for (const region of regions) this.replicas.set(region, { rows: new MemoryLedger(), stamps: new Map() });
  }

  /** The region's replica as it is, without latency or faults: for the observer. */
  replica(region: string): MemoryLedger {
    return (this.replicas.get(region) as Replica).rows;
  }

  write(region: string, row: StoredRow, wall: number): void {
    this.apply(region, row, { wall, region });
    for (const other of this.regions) {
      if (other === region) continue;
      this.scheduler.after(this.random.delay(this.faults.replicationMs), () => {
        const apply = (): void => this.apply(other, row, { wall, region });
        if (this.isolated.has(other) || this.isolated.has(region)) this.held.push({ to: other, from: region, apply });
        else if (!this.lost.has(region) && !this.lost.has(other)) apply();
      });
    }
  }

  isolate(region: string): void {
    this.isolated.add(region);
  }

  heal(region: string): void {
    this.isolated.delete(region);
    for (const one of this.held.splice(0)) {
      if (this.isolated.has(one.to) || this.isolated.has(one.from)) this.held.push(one);
      else if (!this.lost.has(one.to) && !this.lost.has(one.from)) one.apply();
    }
  }

  /** The region is gone: what no other replica has of its writes is gone too; what one has, all get. */
  destroy(region: string): void {
    this.lost.add(region);
    const survivors = this.regions.filter((one) => !this.lost.has(one));
    for (const from of survivors) {
      const source = this.replicas.get(from) as Replica;
      for (const row of source.rows.all()) {
        const stamp = source.stamps.get(name(row));
        if (stamp?.region !== region) continue;
        for (const to of survivors) if (to !== from) this.scheduler.after(this.random.delay(this.faults.replicationMs), () => this.apply(to, row, stamp));
      }
    }
  }

  /** As an eventually consistent read sees it: maybe without what came in the last moments. */
  stale(region: string, key: Key, horizon: number): StoredRow | undefined {
    const replica = this.replicas.get(region) as Replica;
    const stamp = replica.stamps.get(name(key));
    return stamp && stamp.at > horizon ? stamp.before : replica.rows.stored(key);
  }

  private apply(region: string, row: StoredRow, { wall, region: origin }: { readonly wall: number; readonly region: string }): void {
    const replica = this.replicas.get(region) as Replica;
    const key = name(row);
    const known = replica.stamps.get(key);
    if (known && (known.wall > wall || (known.wall === wall && known.region > origin)) && region !== origin) return;
    replica.stamps.set(key, { wall, region: origin, at: this.scheduler.now, before: replica.rows.stored(row) });
    replica.rows.put(row);
  }
}

/** Mean latency of one way to the ledger, ms. */
const LATENCY_MS = 4;

/** The ledger port of one process onto one replica. */
export class SimLedger implements Ledger {
  constructor(
    private readonly process: SimProcess,
    protected readonly table: SimTable,
    protected readonly region: string,
  ) {}

  insert(row: Row): Promise<'inserted' | 'exists'> {
    return this.write(() => {
      if (this.isTaken(row)) return 'exists';
      this.put({ ...row, version: 0 });
      return 'inserted';
    });
  }

  replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    return this.write(() => {
      const stored = this.table.replica(this.region).stored(row);
      if (stored && this.isStale(stored, row)) return 'stale';
      this.put(row);
      return 'replaced';
    });
  }

  get(key: Key, options: ReadOptions): Promise<StoredRow | undefined> {
    return this.read(() => this.see(key, this.horizon(options)));
  }

  getMany(keys: readonly Key[], options: ReadOptions): Promise<readonly (StoredRow | undefined)[]> {
    return this.read(() => {
      const horizon = this.horizon(options);
      return keys.map((key) => this.see(key, horizon));
    });
  }

  async query(pk: string, range: Range, options: ReadOptions): Promise<Page> {
    const horizon = await this.read(() => this.horizon(options));
    const page = await this.table.replica(this.region).query(pk, range);
    return { ...page, rows: page.rows.flatMap((row) => this.see(row, horizon) ?? []) };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  protected isTaken(row: Row): boolean {
    return this.table.replica(this.region).stored(row) !== undefined;
  }

  protected isStale(stored: StoredRow, row: VersionedRow): boolean {
    return stored.version > row.version;
  }

  private put(row: StoredRow): void {
    this.table.write(this.region, row, this.process.wall);
  }

  private see(key: Key, horizon: number): StoredRow | undefined {
    return this.table.stale(this.region, key, horizon);
  }

  private horizon({ consistent }: ReadOptions): number {
    const { random, scheduler } = this.process;
    return consistent ? Infinity : scheduler.now - random.integer(0, this.table.faults.stalenessMs);
  }

  private read<T>(serve: () => T): Promise<T> {
    return this.process.call(LATENCY_MS, () => {
      if (this.fails()) throw new LedgerError('ledger_throttled', 'simulated');
      return serve();
    });
  }

  private write<T>(serve: () => T): Promise<T> {
    const { random, scheduler } = this.process;
    return this.process.call(LATENCY_MS, () => {
      if (!this.fails()) return serve();
      switch (random.integer(0, 3)) {
        case 0:
          throw new LedgerError('ledger_throttled', 'simulated: not applied');
        case 1:
          serve();
          throw new LedgerError('ledger_ambiguous', 'simulated: applied, unanswered');
        case 2:
          scheduler.after(random.integer(1, 5_000), serve);
          throw new LedgerError('ledger_ambiguous', 'simulated: applied later');
        default:
          throw new LedgerError('ledger_ambiguous', 'simulated: never applied');
      }
    });
  }

  private fails(): boolean {
    return this.process.random.chance(this.table.faults.failure);
  }
}

function name({ pk, sk }: Key): string {
  return `${pk}\u0000${sk}`;
}
