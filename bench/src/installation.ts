/**
 * Regions over one ledger, for benches of reconciliation: their logs in memory, one partition each, folded, cut and resolved
 * when the bench says so. Replication takes no time: one replica stands for all.
 */
import { logId, ownersSegment, type Clock, type LogId, type UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import type { Ledger } from '@meridian/ledger';
import { Acceptor, Allocator, FOLD_DEFAULTS, Folder, Reacher, Reader, registerLogs, Resolver, Sampler, silentProbe } from '@meridian/pipeline';
import { nodeHash, systemClock } from '@meridian/system';

const READ_MAX = 1_000;
/** A cut may be made at every step. */
const ALLOCATE = { cutIntervalMs: 0, cutWaitMs: 0, sampleStaleMs: 60_000, cutIdleMs: 0 };

/** A reacher publishes once a second at most: so much time passes before each cut. */
const CUT_AHEAD_MS = 1_000;

/** Runs ahead of the machine's, so that nothing has to be waited for between two cuts. */
class AheadClock implements Clock {
  private aheadMs = 0;

  now(): number {
    return systemClock.now() + this.aheadMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  advance(ms: number): void {
    this.aheadMs += ms;
  }
}

interface Region {
  readonly log: MemoryEventLog;
  readonly acceptor: Acceptor;
  readonly folder: Folder;
  readonly sampler: Sampler;
  readonly reacher: Reacher;
  next: number;
}

export interface InstallationOptions {
  readonly regions: readonly string[];
  readonly ledger: Ledger;
  readonly control: Ledger;
}

export class Installation {
  readonly reader: Reader;
  private readonly regions = new Map<string, Region>();
  private readonly clock = new AheadClock();
  private readonly allocator: Allocator;
  private readonly resolver: Resolver;

  private constructor(private readonly options: InstallationOptions) {
    const { clock } = this;
    const { ledger, control, regions: [home = ''] } = options;
    const parts = { ledger, control, region: home, hash: nodeHash, clock, probe: silentProbe };
    const reacher = new Reacher(parts);
    this.allocator = new Allocator(parts, ALLOCATE);
    this.resolver = new Resolver({ ...parts, hasReached: (cut) => reacher.hasReached(cut) });
    this.reader = new Reader({ ...parts, reacher });
    this.home = reacher;
  }

  private readonly home: Reacher;

  static async open(options: InstallationOptions): Promise<Installation> {
    const installation = new Installation(options);
    for (const region of options.regions) installation.regions.set(region, await installation.openRegion(region));
    return installation;
  }

  /** Accepts the events in a region and makes them durable in the ledger. */
  async fold(region: string, events: readonly UsageEvent[]): Promise<void> {
    const one = this.regions.get(region) as Region;
    if (events.length > 0) await one.acceptor.accept(events);
    for (;;) {
      const records = await one.log.read(0, one.next, READ_MAX);
      if (records.length === 0) break;
      await one.folder.offer(records);
      one.next += records.length;
    }
    await one.folder.flush();
    // What is folded is in the ledger: the log in memory would only be in the way of what is measured.
    one.log.trim(0, Math.max(0, one.next - 1));
  }

  /** One cut of everything that is folded. */
  async cut(): Promise<void> {
    this.clock.advance(CUT_AHEAD_MS);
    for (const { sampler } of this.regions.values()) await sampler.sample();
    for (const { reacher } of this.regions.values()) await reacher.step();
    const before = performance.now();
    while ((await this.allocator.step()) === undefined) {
      if (performance.now() - before > 10_000) throw new RangeError('no cut was made');
    }
    await this.home.step();
  }

  /** Brings the first region's derived rows to the newest cut. */
  async resolve(): Promise<void> {
    while ((await this.resolver.step()) !== undefined);
  }

  private async openRegion(region: string): Promise<Region> {
    const { clock, options: { ledger, control } } = this;
    const log = new MemoryEventLog({ incarnation: { cluster: region, topic: 'events', partitions: 1 }, clock });
    const logs: LogId[] = await registerLogs(control, region, log, clock);
    const id = logId({ region, lineage: 0, partition: 0 });
    const parts = { log, logs, ledger, control, region, hash: nodeHash, clock, probe: silentProbe };
    const folder = new Folder(parts, { partition: 0, log: id, segments: [ownersSegment(id, 0, region)] }, FOLD_DEFAULTS);
    await folder.open();
    // The first region's own reacher is the installation's.
    const reacher = region === this.options.regions[0] ? this.home : new Reacher(parts);
    return { log, acceptor: new Acceptor(parts), folder, sampler: new Sampler(parts), reacher, next: 0 };
  }
}

/** An event of a session, of now. */
export function usageEvent(tenant: string, session: string, id: string): UsageEvent {
  return {
    kind: 'usage', tenant, source: 'chat', id, session, time: Date.now(), provider: 'openai', model: 'gpt-4o-mini', counted: 'reported',
    tokens: { input: 700, cacheRead: 512, output: 100 },
  };
}
