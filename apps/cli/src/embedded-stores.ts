/**
 * The stores of a data directory: the control table, and per region a log and a replica of the ledger, joined by a
 * replicator. LevelDB has one owner, so whoever has opened `control` has the directory.
 */
import type { Clock, LogId } from '@meridian/accounting';
import { EventLogError, type EventLog } from '@meridian/event-log';
import { LevelEventLog } from '@meridian/event-log-level';
import { LedgerError, type Ledger } from '@meridian/ledger';
import { LevelLedger, Replicator } from '@meridian/ledger-level';
import { registerLogs } from '@meridian/pipeline';
import type { DataDirectory, Layout } from './data-directory';
import { CliError } from './errors';

export interface RegionStores {
  readonly region: string;
  readonly log: EventLog;
  /** The registered log of each partition. */
  readonly logs: readonly LogId[];
  readonly ledger: Ledger;
  /** The region's own derived rows, which are not replicated. */
  readonly derived: Ledger;
}

export interface OpenStoresOptions {
  readonly data: DataDirectory;
  /** For a directory that is new; one that is not must have been created with the same. */
  readonly layout: Partial<Layout>;
  readonly layoutDefault: Layout;
  readonly replicationDelayMs: number;
  readonly clock: Clock;
  /** Replication of a pair has stopped for good. */
  readonly onFailed: (error: Error) => void;
}

const TOPIC = 'usage';

export class EmbeddedStores {
  readonly regions: RegionStores[] = [];
  private closers: (() => Promise<void>)[] = [];

  private constructor(readonly control: Ledger) {
    this.closers.push(() => control.close());
  }

  static async open(options: OpenStoresOptions): Promise<EmbeddedStores> {
    const { data, clock } = options;
    await data.create();
    const stores = new EmbeddedStores(await openControl(data, clock));
    try {
      await stores.openRegions(await agreedLayout(options), options);
    } catch (error) {
      await stores.close();
      throw error instanceof LedgerError || error instanceof EventLogError ? unusable(data, error) : error;
    }
    return stores;
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    this.closers = [];
  }

  private async openRegions({ regions, partitions }: Layout, { data, clock, replicationDelayMs: delayMs, onFailed }: OpenStoresOptions): Promise<void> {
    const replicas: LevelLedger[] = [];
    for (const region of regions) {
      const ledger = await LevelLedger.open({ directory: data.ledger(region), clock, origin: region });
      this.closers.unshift(() => ledger.close());
      const log = await LevelEventLog.open({ directory: data.log(region), topic: TOPIC, partitions, clock });
      this.closers.unshift(() => log.close());
      const derived = await LevelLedger.open({ directory: data.derived(region), clock });
      this.closers.unshift(() => derived.close());
      replicas.push(ledger);
      this.regions.push({ region, log, logs: await registerLogs(this.control, region, log, clock), ledger, derived });
    }
    const replicator = await Replicator.start({ replicas, clock, delayMs, onFailed });
    this.closers.unshift(() => replicator.close());
  }
}

/** Opens the control table; who has it has the directory. */
export async function openControl(data: DataDirectory, clock: Clock): Promise<Ledger> {
  try {
    return await LevelLedger.open({ directory: data.control, clock });
  } catch (error) {
    if (error instanceof LedgerError) throw (await inUse(data, error)) ?? unusable(data, error);
    throw error;
  }
}

/** What was created stays: replicas and partitions cannot be added to a directory. */
async function agreedLayout({ data, layout, layoutDefault }: OpenStoresOptions): Promise<Layout> {
  const existing = await data.layout();
  if (!existing) {
    const created: Layout = { ...layoutDefault, ...layout };
    await data.writeLayout(created);
    return created;
  }
  const { regions = existing.regions, partitions = existing.partitions } = layout;
  if ([...regions].sort().join() === [...existing.regions].sort().join() && partitions === existing.partitions) return existing;
  throw new CliError('data_invalid', `${data.shown} was created with regions ${existing.regions.join(',')} and ${existing.partitions} partitions each`, {
    fix: 'Leave --regions and --partitions out, or name another directory with --data.',
  });
}

async function inUse(data: DataDirectory, cause: LedgerError): Promise<CliError | undefined> {
  if (!isLocked(cause)) return undefined;
  const running = await data.running();
  return new CliError('data_in_use', `${data.shown} is in use by another process${running ? ` (pid ${running.pid})` : ''}`, {
    fix: 'Stop that one first, or name another directory with --data.', cause,
  });
}

function isLocked(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if ((at as { code?: unknown }).code === 'LEVEL_LOCKED') return true;
  return false;
}

function unusable(data: DataDirectory, cause: Error): CliError {
  return new CliError('data_invalid', `${data.shown} cannot be used: ${cause.message}`, {
    fix: '`meridian doctor` checks the directory; --data names another.', cause,
  });
}
