/**
 * What goes wrong in a world, planned from its seed: crashes, zombies, isolation, takeover there and back, growth,
 * truncation, a region destroyed. And the operator, who does what the runbooks say.
 */
import { MeridianError, ownersSegment, Shapes, type Hash, type LogId, type Segment } from '@meridian/accounting';
import { lastManifest, newestCut, retireLog, type LastManifest } from '@meridian/pipeline';
import type { SimTopic } from './sim-log';
import { SimProcess } from './sim-process';
import type { Running, World } from './world';

/** How long faults go on, ms of virtual time. */
export const FAULTS_SPAN_MS = 20_000;

/** Until what the dead have asked for is done. */
const AFTER_OUTAGE_MS = 100;
/** From when a sample is taken to when an allocator sees it, with a write that is applied late. */
const SAMPLE_ON_ITS_WAY_MS = 8_000;
const SHORT_REPLICATION_MS = 200;

export class Faults {
  private isTakenOver = false;
  private hasClock = false;

  constructor(
    private readonly world: World,
    private readonly hash: Hash,
  ) {}

  plan(): void {
    const { random, regions } = this.world;
    for (let i = random.integer(0, 5); i > 0; i--) this.at(() => this.crash());
    for (let i = random.integer(0, 3); i > 0; i--) this.at(() => this.pause());
    if (regions.length > 1) for (let i = random.pick([0, 0, 1, 2]); i > 0; i--) this.at(() => this.isolate());
    if (random.chance(0.2)) this.at(() => this.grow());
    for (let i = random.pick([0, 0, 1, 3]); i > 0; i--) this.at(() => this.elect());
    // Mostly one of the great ones in a world, so that a failure has one story; now and then a log is truncated and taken over.
    const great = random.next();
    this.isTakenOver = great < 0.3 && regions.length > 1;
    if (this.isTakenOver) this.at(() => this.takeOver());
    if (great > 0.27 && great < 0.42) this.at(() => this.truncate());
    else if (great >= 0.42 && great < 0.55 && regions.length > 1) this.at(() => this.destroy());
    else if (great >= 0.6 && great < 0.75) this.planClock();
    else if (great >= 0.75) this.planOutage();
  }

  /** A clock is set minutes ahead, and right again. How long a sample is on its way is then all that bounds T: in this world not for long. */
  private planClock(): void {
    const { world } = this;
    world.tSlackMs += SAMPLE_ON_ITS_WAY_MS;
    world.table.faults.replicationMs = Math.min(world.table.faults.replicationMs, SHORT_REPLICATION_MS);
    this.hasClock = true;
    for (let i = world.random.integer(1, 3); i > 0; i--) this.at(() => this.setAhead());
  }

  /** A zone goes down: brokers lose what was not replicated, and the aggregators there what they had not closed. Nothing of theirs is applied later. */
  private planOutage(): void {
    const { world } = this;
    world.table.faults.failure = 0;
    for (let i = world.random.integer(1, 3); i > 0; i--) this.at(() => this.outage());
  }

  private outage(): void {
    const { world } = this;
    const topic = world.topicOf(world.random.pick(world.regions));
    const partition = world.random.integer(0, topic.partitions.length - 1);
    const log = world.logsOf(topic)[partition] as LogId;
    const folding = this.folding(topic, topic.region);
    for (const running of folding) world.kill(running);
    world.scheduler.after(AFTER_OUTAGE_MS, () => {
      void this.manifested(topic.region, log).then((from) => {
        const end = topic.partitions[partition]?.length ?? 0;
        const offset = world.random.integer(Math.min(from, end), end);
        world.trace(`outage ${log} ${offset}`);
        topic.truncate(partition, offset);
        world.oracle.cut(log, offset);
        for (const running of folding) world.scheduler.after(world.random.integer(0, 2_000), running.respawn);
      });
    });
  }

  private elect(): void {
    const { world } = this;
    const topic = world.topicOf(world.random.pick(world.regions));
    world.trace(`elect ${topic.incarnation}`);
    topic.elect();
  }

  private setAhead(): void {
    const { world } = this;
    const samplers = world.running.filter(({ kind }) => kind === 'aggregator');
    if (samplers.length === 0) return;
    const { process } = world.random.pick(samplers);
    world.trace(`clock ${process.name}`);
    process.aheadMs = world.random.integer(30_000, 300_000);
    world.scheduler.after(world.random.integer(500, 6_000), () => (process.aheadMs = 0));
  }

  private at(act: () => void): void {
    this.world.scheduler.after(this.world.random.integer(1_500, FAULTS_SPAN_MS), act);
  }

  private crash(): void {
    const { world } = this;
    if (world.running.length === 0) return;
    const victim = world.random.pick(world.running);
    world.trace(`crash ${victim.process.name}`);
    world.kill(victim);
    world.scheduler.after(world.random.integer(200, 4_000), victim.respawn);
  }

  /** The process sleeps, others take its work over, and then it goes on as if nothing had happened. */
  private pause(): void {
    const { world } = this;
    if (this.hasClock) return;
    const sleepers = world.running.filter(({ kind }) => kind !== 'ingest');
    if (sleepers.length === 0) return;
    const sleeper = world.random.pick(sleepers);
    world.trace(`pause ${sleeper.process.name}`);
    sleeper.process.pause();
    // Somebody else in its place, or nobody.
    if (world.random.chance(0.5)) world.scheduler.after(1_000, sleeper.respawn);
    world.scheduler.after(world.random.integer(1_000, 15_000), () => sleeper.process.resume());
  }

  private isolate(): void {
    const { world } = this;
    if (this.hasClock) return;
    const region = world.random.pick(world.regions);
    world.trace(`isolate ${region}`);
    world.table.isolate(region);
    world.scheduler.after(world.random.integer(1_000, 12_000), () => world.table.heal(region));
  }

  private grow(): void {
    const { world } = this;
    const topic = world.topicOf(world.random.pick(world.regions));
    world.trace(`grow ${topic.incarnation}`);
    topic.grow();
    this.restart(topic);
  }

  /** Whoever works with the topic starts anew and registers what there is now. */
  private restart(topic: SimTopic): void {
    for (const running of [...this.world.running]) {
      if (running.topic !== topic) continue;
      this.world.kill(running);
      this.world.scheduler.after(this.world.random.integer(100, 1_500), running.respawn);
    }
  }

  /** Another region folds the logs of one whose compute is down, or seems to be. Later the owner has them back. */
  private takeOver(): void {
    const { world } = this;
    const [region, writer] = shuffled(world.regions, world) as [string, string];
    const topic = world.topicOf(region);
    world.trace(`takeover ${region} by ${writer}`);
    // Sometimes the owner is not down at all and goes on writing beside the new writer.
    if (world.random.chance(0.6)) for (const running of this.folding(topic, region)) world.kill(running);
    const back = world.random.integer(3_000, 9_000);
    world.scheduler.after(1_000, () => this.handOver(topic, writer, () => {
      world.spawnAggregator(writer, topic);
      world.scheduler.after(back, () => this.handOver(topic, region, () => {
        for (const running of [...this.folding(topic, region), ...this.folding(topic, writer)]) {
          if (running.region === writer && world.random.chance(0.5)) running.process.pause();
          else world.kill(running);
        }
        world.spawnAggregator(region, topic);
      }));
    }));
  }

  private folding(topic: SimTopic, writer: string): Running[] {
    return this.world.running.filter((running) => running.kind === 'aggregator' && running.topic === topic && running.region === writer);
  }

  private handOver(topic: SimTopic, writer: string, done: () => void): void {
    const { world } = this;
    const operator = new SimProcess('operator', world.scheduler, world.random, 0);
    const parts = { ledger: world.ledger(operator, writer), control: world.controlOf(operator), region: writer };
    const logs = world.logsOf(topic).filter((log) => !world.oracle.retired.has(log));
    world.parts.takeOver(parts, logs, writer).then(done, (error: unknown) => {
      if (!(error instanceof MeridianError)) throw error;
      // Not in any cut yet, or a request failed: the operator tries again.
      world.scheduler.after(800, () => this.handOver(topic, writer, done));
    });
  }

  /** Records that were folded already are cut off a log; it goes on with others in their place. */
  private truncate(): void {
    const { world } = this;
    const topic = world.topicOf(world.random.pick(world.regions));
    const partition = world.random.integer(0, topic.partitions.length - 1);
    const log = world.logsOf(topic)[partition] as LogId;
    void this.truncatable(topic.region, log).then((end) => {
      if (end === 0) return;
      world.trace(`truncate ${log}`);
      topic.truncate(partition, Math.max(0, end - world.random.integer(1, 3)));
      this.awaitAlarm(topic, log);
    });
  }

  /** The operator waits for the alarm: the log is given up where it was folded, publishers get a new topic. */
  private awaitAlarm(topic: SimTopic, log: LogId): void {
    const { world } = this;
    if (!world.alarms.has(log)) {
      world.scheduler.after(700, () => this.awaitAlarm(topic, log));
      return;
    }
    topic.close();
    const next = world.openTopic(topic.region, topic.partitions.length);
    for (const running of [...world.running]) if (running.kind === 'ingest' && running.topic === topic) world.kill(running);
    world.spawnIngest(topic.region);
    world.spawnAggregator(topic.region, next);
    void this.folded(topic.region, log).then((end) => this.retire(log, end, 'truncated'));
  }

  /** The region is gone for good. The operator gives its logs up where the newest cut has them. */
  private destroy(): void {
    const { world } = this;
    const region = world.random.pick(world.regions);
    world.trace(`destroy ${region}`);
    const topic = world.topicOf(region);
    world.destroyed.add(region);
    for (const running of [...world.running]) if (running.region === region) world.kill(running);
    world.table.destroy(region);
    topic.close();
    world.scheduler.after(world.random.integer(1_000, 6_000), () => {
      void newestCut(world.controlRows).then(async (cut) => {
        for (const log of world.logsOf(topic)) await this.retire(log, cut.logs.find((one) => one.log === log)?.offset ?? 0, 'destroyed');
      });
    });
  }

  private async retire(log: LogId, offset: number, reason: string): Promise<void> {
    const { world } = this;
    // A partition that was never registered was never produced to either.
    await retireLog(world.controlRows, { log, offset, by: 'operator', reason, retiredAt: world.scheduler.now }).catch((error: unknown) => {
      if (!(error instanceof MeridianError)) throw error;
    });
    world.oracle.retired.set(log, offset);
  }

  /**
   * Below this the log's records are evidence that must not change: what was folded; in a world with a takeover what is
   * in a cut, because what the old stream wrote past that is ignored and may be written anew.
   */
  private async truncatable(region: string, log: LogId): Promise<number> {
    if (!this.isTakenOver) return this.folded(region, log);
    return (await newestCut(this.world.controlRows)).logs.find((one) => one.log === log)?.offset ?? 0;
  }

  /** Where the log was folded to, by whoever writes about it now. */
  private async folded(region: string, log: LogId): Promise<number> {
    const { last, segment } = await this.newest(region, log);
    // What an older stream wrote past its segment does not count.
    return last?.next ?? segment.from;
  }

  /** Below this a manifest says what the log held, also one that does not count any more: without it the log stops with an alarm. */
  private async manifested(region: string, log: LogId): Promise<number> {
    const { last, segment } = await this.newest(region, log);
    return last?.end ?? segment.from;
  }

  private async newest(region: string, log: LogId): Promise<{ readonly last: LastManifest | undefined; readonly segment: Segment }> {
    const cut = await newestCut(this.world.controlRows);
    const segments = cut.logs.find((one) => one.log === log)?.segments ?? [ownersSegment(log, 0, region)];
    const segment = segments.at(-1) as Segment;
    return { last: await lastManifest(this.world.table.replica(segment.writer), segments, new Shapes(this.hash)), segment };
  }
}

function shuffled(items: readonly string[], { random }: World): string[] {
  const rest = [...items];
  return items.map(() => rest.splice(random.integer(0, rest.length - 1), 1)[0] as string);
}
