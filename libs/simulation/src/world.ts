/**
 * A simulated installation: regions with their topics, one global table, one control table, and the processes that run
 * the shipped loops over them. What goes wrong in it, and when, is `faults.ts`; what must hold is `checks.ts`.
 */
import { InvariantViolation, logId, MeridianError, type Hash, type LogId, type MeridianEvent } from '@meridian/accounting';
import type { Ledger } from '@meridian/ledger';
import {
  Acceptor, FoldService, openNextStream, registerLogs, repeating, retrying, Sampler, segmentsWrittenBy, silentProbe,
  type Folder, type FoldServiceParts, type FoldSettings, type FoldTarget, type LoopOptions, type Probe, type Reacher, type SampleSettings, type Through,
} from '@meridian/pipeline';
import { Oracle } from './oracle';
import { Publishers } from './publishers';
import { SeededRandom } from './random';
import { Scheduler } from './scheduler';
import { SimTable } from './sim-ledger';
import { SimTopic } from './sim-log';
import { SimProcess } from './sim-process';
import type { Parts } from './switches';

export const REGIONS = ['eu-west-1', 'us-east-1', 'us-east-10'] as const;
const CONTROL = 'control';
const ALLOCATE = { cutIntervalMs: 700, cutWaitMs: 3_000, sampleStaleMs: 10_000, cutIdleMs: 8_000 };
const LOOP_MS = 700;
const SAMPLE_MS = 900;
const WRITERS_MS = 2_500;
/** Clocks are off by up to this, ms. */
const SKEW_MAX_MS = 2_000;

/** A process and how to have it again after it died. */
export interface Running {
  readonly process: SimProcess;
  readonly kind: 'ingest' | 'aggregator' | 'reconciliation';
  readonly region: string;
  readonly topic: SimTopic | undefined;
  readonly respawn: () => void;
}

export class World {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly regions: readonly string[];
  readonly table: SimTable;
  readonly control: SimTable;
  readonly oracle = new Oracle();
  readonly publishers: Publishers;
  readonly failures: string[] = [];
  /** T is as good as the clocks: so far before it nothing may be missing, ms. */
  tSlackMs = SKEW_MAX_MS;
  readonly destroyed = new Set<string>();
  readonly topics = new Map<string, SimTopic>();
  /** Logs whose alarm went off: the operator's business. */
  readonly alarms = new Set<LogId>();
  running: Running[] = [];
  /** Told whenever a region has resolved a cut. */
  onResolved: (region: string, k: number, reacher: Reacher) => void = () => undefined;
  readonly reachers = new Map<string, Reacher>();
  private readonly acceptors = new Map<string, Acceptor>();
  private readonly lineages = new Map<string, number>();
  private readonly appendFaults = { failure: 0.03 };
  private readonly hash: Hash;
  private readonly settings: FoldSettings;
  private readonly sampling: SampleSettings;
  private processes = 0;

  constructor(seed: number, readonly parts: Parts, hash: Hash, readonly trace: (what: string) => void) {
    this.random = new SeededRandom(seed);
    const { random, scheduler } = this;
    this.regions = REGIONS.slice(0, random.pick([1, 2, 2, 3, 3, 3]));
    const faults = { failure: random.pick([0, 0.01, 0.04]), replicationMs: random.pick([30, 200, 1_500]), stalenessMs: random.pick([0, 50, 400]) };
    this.table = new SimTable(scheduler, random, this.regions, faults);
    this.control = new SimTable(scheduler, random, [CONTROL], { failure: faults.failure, replicationMs: 0, stalenessMs: 0 });
    this.hash = hash;
    this.settings = {
      flushAgeMs: random.pick([700, 1_500, 3_000]), flushIdleMs: random.pick([500, 900]),
      bufferBytesMax: random.pick([600, 100_000]), stateBytesMax: random.pick([0, 2_000, 1_000_000]), concurrency: random.pick([1, 4, 16]),
      deltaEntriesMax: random.pick([1, 2, 1_000]),
    };
    // From with every flush to a few flushes for one manifest.
    this.sampling = { intervalMs: random.pick([SAMPLE_MS, 2 * SAMPLE_MS, 5 * SAMPLE_MS]), busyIntervalMs: SAMPLE_MS, busyRecords: random.pick([1, 3]) };
    this.publishers = new Publishers({
      scheduler, random, sent: this.oracle.sent,
      accept: (region, event) => this.accept(region, event),
      regions: () => this.regions.filter((region) => !this.destroyed.has(region)),
    });
    for (const region of this.regions) this.openTopic(region, random.integer(1, 2));
  }

  /** Starts every process of every region. */
  start(): void {
    for (const region of this.regions) {
      const topic = this.topicOf(region);
      this.spawnIngest(region);
      for (let i = this.random.integer(1, 2); i > 0; i--) this.spawnAggregator(region, topic);
      for (let i = this.random.pick([1, 1, 2]); i > 0; i--) this.spawnReconciliation(region);
    }
  }

  /** A new incarnation of the region's topic; ingest goes there from its next start on. */
  openTopic(region: string, partitions: number): SimTopic {
    const lineage = (this.lineages.get(region) ?? -1) + 1;
    this.lineages.set(region, lineage);
    const topic = new SimTopic(this.scheduler, region, `${region}/${lineage}`, partitions, {
      faults: this.appendFaults,
      onAppend: (record) => {
        const log = logId({ region, lineage, partition: record.partition });
        this.oracle.appended(log, record);
        this.trace(`append ${log} ${record.offset}`);
      },
    });
    this.topics.set(region, topic);
    return topic;
  }

  /** The registered name of each partition of a topic, whether or not it is registered yet. */
  logsOf(topic: SimTopic): LogId[] {
    const lineage = Number(topic.incarnation.slice(topic.incarnation.indexOf('/') + 1));
    return topic.partitions.map((_, partition) => logId({ region: topic.region, lineage, partition }));
  }

  ledger(process: SimProcess, region: string): Ledger {
    return this.parts.ledger(process, this.table, region);
  }

  controlOf(process: SimProcess): Ledger {
    return this.parts.ledger(process, this.control, CONTROL);
  }

  /** Without latency or faults, for operators and observers. */
  get controlRows(): Ledger {
    return this.control.replica(CONTROL);
  }

  kill(running: Running): void {
    running.process.kill();
    this.running = this.running.filter((one) => one !== running);
    if (running.kind === 'ingest') this.acceptors.delete(running.region);
  }

  spawnIngest(region: string): void {
    const topic = this.topicOf(region);
    this.spawn('ingest', region, topic, () => this.spawnIngest(region), async ({ process, options, control }) => {
      const log = topic.port(process, 'ingest');
      const logs = await retrying('register', options, async () => registerLogs(control, region, log, process.clock));
      this.acceptors.set(region, new Acceptor({ log, logs, clock: process.clock, probe: silentProbe }));
    });
  }

  /** `writer`: the region whose replica it writes through, another than the topic's after a takeover. */
  spawnAggregator(writer: string, topic: SimTopic): void {
    this.spawn('aggregator', writer, topic, () => this.spawnAggregator(writer, topic), async ({ process, options, control }) => {
      const { region } = topic;
      const log = topic.port(process, writer);
      const ledger = this.ledger(process, writer);
      const hash = this.parts.hash(this.hash);
      const logs = await retrying('register', options, async () => registerLogs(control, region, log, process.clock));
      const parts = {
        ...options, log, ledger, control, region, hash, logs,
        segmentsOf: (id: LogId) => segmentsWrittenBy(control, writer, id),
        openStream: (id: LogId) => openNextStream({ ledger, control, region: writer }, id),
      };
      const service = new SimFoldService(parts, this.settings, (target) => this.parts.folder(parts, target, this.settings, topic));
      await retrying('join', options, () => service.start(log));
      const sampler = new Sampler(parts, this.sampling, this.parts.checkFingerprint);
      const sampling = repeating('sample', SAMPLE_MS, options, async () => service.sampled(await sampler.step(service.holds(0))));
      const following = repeating('writers', WRITERS_MS, options, () => service.followWriters());
      await Promise.all([service.run(), sampling, following]);
    });
  }

  spawnReconciliation(region: string): void {
    this.spawn('reconciliation', region, undefined, () => this.spawnReconciliation(region), async ({ process, options, control }) => {
      const ledger = this.ledger(process, region);
      const parts = { ...options, ledger, control, region, hash: this.parts.hash(this.hash) };
      const reacher = this.parts.reacher(parts);
      const resolver = this.parts.resolver({ ...parts, hasReached: (cut) => reacher.hasReached(cut) });
      const allocator = this.parts.allocator(parts, ALLOCATE);
      this.reachers.set(region, reacher);
      await Promise.all([
        repeating('reach', LOOP_MS, options, () => reacher.step()),
        repeating('allocate', LOOP_MS, options, () => allocator.step()),
        repeating('resolve', LOOP_MS, options, async () => {
          const k = await resolver.step();
          if (k !== undefined) this.onResolved(region, k, reacher);
        }),
      ]);
    });
  }

  /** No more faults from here on: what is broken is mended, what sleeps wakes up, what died starts again. */
  heal(): void {
    this.appendFaults.failure = 0;
    this.table.faults.failure = 0;
    this.control.faults.failure = 0;
    for (const region of this.regions) this.table.heal(region);
    for (const { process } of this.running) {
      process.aheadMs = 0;
      process.resume();
    }
  }

  /** The topic that the region's ingest produces to. */
  topicOf(region: string): SimTopic {
    return this.topics.get(region) as SimTopic;
  }

  private accept(region: string, event: MeridianEvent): Promise<Through> | undefined {
    return this.acceptors.get(region)?.accept([event]);
  }

  private spawn(
    kind: Running['kind'], region: string, topic: SimTopic | undefined, respawn: () => void,
    run: (inside: { readonly process: SimProcess; readonly options: LoopOptions; readonly control: Ledger }) => Promise<void>,
  ): void {
    if (this.destroyed.has(region)) return;
    const process = new SimProcess(`${kind}@${region}#${this.processes++}`, this.scheduler, this.random, this.random.integer(-SKEW_MAX_MS, SKEW_MAX_MS));
    const running: Running = { process, kind, region, topic, respawn };
    this.running.push(running);
    const options: LoopOptions = { clock: process.clock, random: this.random, probe: this.probe(process), signal: new AbortController().signal };
    run({ process, options, control: this.controlOf(process) }).catch((error: unknown) => this.exited(running, error));
  }

  /** A process that ends by itself is started again; a broken invariant is a defect, whoever meets it. */
  private exited(running: Running, error: unknown): void {
    this.trace(`exit ${running.process.name}`);
    if (error instanceof InvariantViolation || !(error instanceof MeridianError)) this.failures.push(`${running.process.name} stopped: ${String(error)}`);
    this.kill(running);
    this.scheduler.after(1_000, running.respawn);
  }

  private probe(process: SimProcess): Probe {
    return {
      ...silentProbe,
      flushed: ({ log, records }) => this.trace(`flush ${process.name} ${log} ${records}`),
      cutAllocated: ({ k }) => this.trace(`cut ${k} ${process.name}`),
      // Those that end a process are the supervisor's, who starts it again.
      alarm: ({ code, log }) => {
        if (code === 'log_truncated' || code === 'log_gap') this.alarms.add(log);
      },
    };
  }
}

class SimFoldService extends FoldService {
  constructor(parts: FoldServiceParts, settings: FoldSettings, private readonly create: (target: FoldTarget) => Folder) {
    super(parts, settings);
  }
  protected override createFolder(target: FoldTarget): Folder {
    return this.create(target);
  }
}
