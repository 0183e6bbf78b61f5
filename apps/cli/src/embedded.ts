/**
 * All of Meridian in one process: every region's log, replica and services over one data directory, replication with a
 * delay of your choice. What `dev`, `demo` and `replay` run, and what the end-to-end tests kill.
 * The first service that fails for good ends the whole: half an installation would only look like one.
 */
import type { Clock, Random } from '@meridian/accounting';
import { nodeHash, seededRandom, systemClock, systemRandom } from '@meridian/system';
import { startTelemetry, type Telemetry } from '@meridian/telemetry';
import { WriteCounter } from './counting-ledger';
import type { DataDirectory, Keys, Layout, RegionUrls } from './data-directory';
import { ensureKeys } from './embedded-keys';
import { EmbeddedRegion, type Pace } from './embedded-region';
import { EmbeddedStores } from './embedded-stores';
import { CliError } from './errors';
import { REGIONS_DEFAULT } from './options';

export interface EmbeddedOptions {
  readonly data: DataDirectory;
  readonly layout: Partial<Layout>;
  readonly replicationDelayMs: number;
  /** Of the first region's ingest; its neighbours follow. 0 = any free ones. */
  readonly port: number;
  readonly pace?: Pace;
  /** `LOG_LEVEL` when the environment does not say. */
  readonly logLevel: 'warn' | 'silent';
  /** For retries' jitter and the like; of the system when not given. */
  readonly seed?: number;
}

export const PARTITIONS_DEFAULT = 3;
/** From one region's first port to the next region's. */
const PORTS_PER_REGION = 10;
const HOST = '127.0.0.1';

export class Embedded {
  readonly keys: Keys;
  /** Rejects when a service failed for good; never resolves before `close`. */
  readonly ended: Promise<void>;
  private lastWrite: Promise<void> = Promise.resolve();

  private constructor(private readonly parts: {
    readonly data: DataDirectory;
    readonly stores: EmbeddedStores;
    readonly regions: ReadonlyMap<string, EmbeddedRegion>;
    readonly telemetry: Telemetry;
    readonly counter: WriteCounter;
    readonly keys: Keys;
    readonly end: PromiseWithResolvers<void>;
  }) {
    this.keys = parts.keys;
    this.ended = parts.end.promise;
  }

  static async open(options: EmbeddedOptions): Promise<Embedded> {
    const { data, layout, replicationDelayMs, logLevel } = options;
    const end: PromiseWithResolvers<void> = Promise.withResolvers();
    // Whoever waits for it hears of a failure; nobody has to wait.
    end.promise.catch(() => undefined);
    const onFailed = (what: string, error: unknown): void =>
      end.reject(new CliError('service_stopped', `${what} has stopped: ${error instanceof Error ? error.message : String(error)}`, { cause: error }));
    const stores = await EmbeddedStores.open({
      data, layout, layoutDefault: { regions: REGIONS_DEFAULT, partitions: PARTITIONS_DEFAULT }, replicationDelayMs, clock: systemClock,
      onFailed: (error) => onFailed('replication', error),
    });
    const telemetry = startTelemetry({ serviceName: 'meridian', env: { LOG_LEVEL: logLevel, ...process.env }, logTo: process.stderr });
    const regions = new Map<string, EmbeddedRegion>();
    const counter = new WriteCounter();
    try {
      const clock: Clock = systemClock;
      const keys = await ensureKeys({ data, ledgers: stores.regions.map(({ ledger }) => ledger), clock, hash: nodeHash });
      const random: Random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
      for (const [at, own] of stores.regions.entries()) {
        const shared = { control: stores.control, counter, clock, random, hash: nodeHash, telemetry, pace: options.pace ?? {}, host: HOST, onFailed };
        regions.set(own.region, await EmbeddedRegion.start({ ...own, ...shared, ports: portsOf(options.port, at) }));
      }
      const embedded = new Embedded({ data, stores, regions, telemetry, counter, keys, end });
      await embedded.publish();
      return embedded;
    } catch (error) {
      for (const region of regions.values()) await region.close();
      await stores.close();
      await telemetry.shutdown();
      throw portTaken(error) ?? error;
    }
  }

  get urls(): Readonly<Record<string, RegionUrls>> {
    return Object.fromEntries([...this.parts.regions].map(([region, { urls }]) => [region, urls]));
  }

  /** Writes of deltas and manifests so far. */
  get writes(): number {
    return this.parts.counter.writes;
  }

  /** Kills the region's aggregator as a crash would and starts another. */
  async crashAggregator(region: string): Promise<void> {
    await this.parts.regions.get(region)?.crash();
    await this.publish();
  }

  async close(): Promise<void> {
    const { data, regions, stores, telemetry, end } = this.parts;
    await data.removeRunning();
    await Promise.all([...regions.values()].map((region) => region.close()));
    await stores.close();
    await telemetry.shutdown();
    end.resolve();
  }

  /** One at a time: crashes of two regions may end at once. */
  private publish(): Promise<void> {
    const written = this.lastWrite.then(() => this.parts.data.writeRunning({ pid: process.pid, regions: this.urls }));
    this.lastWrite = written.catch(() => undefined);
    return written;
  }
}

function portsOf(port: number, region: number): { ingest: number; reconciliation: number; aggregator: number } {
  if (port === 0) return { ingest: 0, reconciliation: 0, aggregator: 0 };
  const ingest = port + region * PORTS_PER_REGION;
  return { ingest, reconciliation: ingest + 1, aggregator: ingest + 2 };
}

/** Every port that `Embedded` will listen on. */
export function portsUsed(port: number, regions: number): number[] {
  return Array.from({ length: regions }, (_, at) => Object.values(portsOf(port, at))).flat();
}

function portTaken(error: unknown): CliError | undefined {
  const { code, port } = error as { code?: unknown; port?: unknown };
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return undefined;
  const why = code === 'EADDRINUSE' ? 'is in use' : 'may not be used';
  return new CliError('port_in_use', `port ${String(port)} ${why}`, { fix: 'Choose others with --port (0 = any free ones).', cause: error });
}
