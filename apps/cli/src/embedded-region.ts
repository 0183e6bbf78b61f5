/**
 * One embedded region: its log, its replica of the ledger, and the three services over them. Its aggregator can be
 * killed and started anew while the rest runs, as a crash would.
 */
import { startAggregator } from '@meridian/aggregator';
import type { Clock, Hash, LogId, Random } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import { startIngest } from '@meridian/ingest';
import { withDerivedApart, type Ledger } from '@meridian/ledger';
import type { AllocateSettings, FoldSettings } from '@meridian/pipeline';
import { startReconciliation } from '@meridian/reconciliation';
import type { Telemetry } from '@meridian/telemetry';
import { withCounting, type WriteCounter } from './counting-ledger';
import type { RegionUrls } from './data-directory';

/** How often things happen; what is left out is as in production. */
export interface Pace {
  readonly fold?: Partial<FoldSettings>;
  readonly allocate?: Partial<AllocateSettings>;
  readonly sampleIntervalMs?: number;
  readonly loopIntervalMs?: number;
}

export interface EmbeddedRegionParts {
  readonly region: string;
  readonly log: EventLog;
  readonly logs: readonly LogId[];
  readonly ledger: Ledger;
  readonly derived: Ledger;
  readonly control: Ledger;
  readonly counter: WriteCounter;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly telemetry: Telemetry;
  readonly pace: Pace;
  readonly host: string;
  /** Ports of ingest, reconciliation and aggregator; 0 = any free one. */
  readonly ports: { readonly ingest: number; readonly reconciliation: number; readonly aggregator: number };
  /** A service ended by itself. */
  readonly onFailed: (service: string, error: unknown) => void;
}

type Aggregator = Awaited<ReturnType<typeof startAggregator>>;

export class EmbeddedRegion {
  private closers: (() => Promise<void>)[] = [];
  private aggregator!: Aggregator;
  private urlsNow!: RegionUrls;
  /** Crashes and the closing go one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly parts: EmbeddedRegionParts) {}

  static async start(parts: EmbeddedRegionParts): Promise<EmbeddedRegion> {
    const region = new EmbeddedRegion(parts);
    try {
      await region.startAll();
    } catch (error) {
      await region.close();
      throw error;
    }
    return region;
  }

  get urls(): RegionUrls {
    return this.urlsNow;
  }

  /** Kills the aggregator, without any farewell, and starts another. */
  crash(): Promise<void> {
    return this.inTurn(async () => {
      await this.aggregator.kill();
      this.aggregator = await this.startAggregator();
      this.urlsNow = { ...this.urlsNow, aggregator: this.aggregator.url };
    });
  }

  /** Ingest first: what it acknowledged is still folded, as far as it goes at once. */
  close(): Promise<void> {
    return this.inTurn(async () => {
      for (const close of this.closers) await close();
      this.closers = [];
    });
  }

  private async startAll(): Promise<void> {
    const { parts } = this;
    const { region, log, logs, ledger, derived, control, clock, random, hash, telemetry, pace } = parts;
    const reconciliation = await startReconciliation({
      region, listen: this.listen(parts.ports.reconciliation), ledger: withDerivedApart(ledger, derived), control, clock, random, hash, telemetry,
      ...(pace.allocate && { allocate: pace.allocate }),
      ...(pace.loopIntervalMs !== undefined && { loopIntervalMs: pace.loopIntervalMs }),
    });
    this.closers.unshift(() => reconciliation.close());
    this.watch('reconciliation', reconciliation.ended);
    this.aggregator = await this.startAggregator();
    this.closers.unshift(() => this.aggregator.close());
    const ingest = await startIngest({ region, listen: this.listen(parts.ports.ingest), log, logs, ledger, clock, hash, telemetry });
    this.closers.unshift(() => ingest.close());
    this.urlsNow = { ingest: ingest.url, aggregator: this.aggregator.url, reconciliation: reconciliation.url };
  }

  private async startAggregator(): Promise<Aggregator> {
    const { region, log, logs, ledger, counter, control, clock, random, hash, telemetry, pace, ports } = this.parts;
    const aggregator = await startAggregator({
      region, listen: this.listen(ports.aggregator), log, logs, ledger: withCounting(ledger, counter), control, clock, random, hash, telemetry,
      ...(pace.fold && { fold: pace.fold }),
      ...(pace.sampleIntervalMs !== undefined && { sampleIntervalMs: pace.sampleIntervalMs }),
    });
    this.watch('aggregator', aggregator.ended);
    return aggregator;
  }

  private listen(port: number): { host: string; port: number } {
    return { host: this.parts.host, port };
  }

  private watch(service: string, ended: Promise<void>): void {
    ended.catch((error: unknown) => this.parts.onFailed(`${service} of ${this.parts.region}`, error));
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.last.then(act);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
