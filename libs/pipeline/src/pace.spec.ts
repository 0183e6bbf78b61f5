/** When deltas, samples, manifests and cuts are written: what each costs, and that nothing is lost between them. */
import { createHash } from 'node:crypto';
import { decodeManifest, logId, ownersSegment, Shapes, type Clock, type Cut, type Hash, type LogId, type UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { decodeJson, keys, MemoryLedger, type EndsSample } from '@meridian/ledger';
import { Acceptor } from './accept';
import { Allocator } from './cut/allocate';
import { newestCut } from './cut/cuts';
import { FOLD_DEFAULTS, Folder } from './fold/fold';
import { silentProbe, type Flushed } from './probe';
import { Reacher } from './cut/reach';
import { registerLogs } from './cut/registry';
import { Sampler, sampleSettings } from './cut/sample';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
const LOG = logId({ region: 'east', lineage: 0, partition: 0 });
const STREAM = ownersSegment(LOG, 0, 'east').stream;

class HandClock implements Clock {
  time = START;
  now(): number {
    return this.time;
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

class World {
  readonly clock = new HandClock();
  readonly control = new MemoryLedger();
  readonly ledger = new MemoryLedger();
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 1 }, clock: this.clock });
  readonly flushes: Flushed[] = [];
  logs: readonly LogId[] = [];

  static async start(): Promise<World> {
    const world = new World();
    world.logs = await registerLogs(world.control, 'east', world.log, world.clock);
    return world;
  }

  async accept(...sessions: readonly string[]): Promise<void> {
    const events = sessions.map((session, i): UsageEvent => ({
      kind: 'usage', tenant: 'acme', source: 'chat', id: `${this.clock.now()}-${i}`, session, time: this.clock.now(), provider: 'p', model: 'm',
      tokens: { input: 1 }, counted: 'reported',
    }));
    await new Acceptor({ log: this.log, logs: this.logs, clock: this.clock, probe: silentProbe }).accept(events);
  }

  async folder(): Promise<Folder> {
    const probe = { ...silentProbe, flushed: (told: Flushed) => this.flushes.push(told) };
    const folder = new Folder({ ...this.parts, probe }, { partition: 0, log: LOG, segments: [ownersSegment(LOG, 0, 'east')] }, FOLD_DEFAULTS);
    await folder.open();
    return folder;
  }

  /** Everything that the folder has not been offered. */
  async offer(folder: Folder): Promise<void> {
    const [extent] = await this.log.extents();
    await folder.offer(await this.log.read(0, folder.unfolded.from, extent!.end));
  }

  sample(): EndsSample {
    return decodeJson<EndsSample>(this.ledger.stored(keys.ends('east', 0))!.value);
  }

  manifests(): { start: number; end: number; touched: string[] }[] {
    const shapes = new Shapes(hash);
    return [...this.ledger.all()].filter(({ pk }) => pk === keys.manifestPk(STREAM)).map(({ value }) => {
      const { start, end, touched } = decodeManifest(value, shapes);
      return { start, end, touched: touched.map(({ session, delta }) => `${session} ${delta}`) };
    });
  }

  get parts() {
    const { log, logs, ledger, control, clock } = this;
    return { log, logs, ledger, control, region: 'east', hash, clock, probe: silentProbe };
  }
}

describe('a folder', () => {
  it('writes deltas on time, and one manifest of all of them when the log was sampled', async () => {
    const world = await World.start();
    const folder = await world.folder();
    for (const sessions of [['b', 'a'], ['a'], ['c', 'a']]) {
      world.clock.time += 1_000;
      await world.accept(...sessions);
      await world.offer(folder);
      expect(folder.owesManifest).toBe(false);
      await folder.write();
    }
    expect(world.manifests()).toEqual([]);
    expect(folder.unfolded).toEqual({ from: 5, oldest: undefined });
    folder.sampled(5);
    expect(folder.owesManifest).toBe(true);
    await folder.flush();
    expect(folder.owesManifest).toBe(false);
    expect(world.manifests()).toEqual([{ start: 0, end: 5, touched: ['a 3', 'b 1', 'c 1'] }]);
    expect(world.flushes.map(({ records, entries, deltas }) => [records, entries, deltas])).toEqual([[2, 2, 2], [1, 1, 1], [2, 2, 2]]);
  });

  it('owes a manifest only when everything below the sample is taken, and goes from one sample to the next when it is behind', async () => {
    const world = await World.start();
    const folder = await world.folder();
    folder.sampled(1);
    expect(folder.owesManifest).toBe(false);
    folder.sampled(9);
    await world.accept('a', 'b');
    await world.offer(folder);
    expect(folder.owesManifest).toBe(true);
    await folder.flush();
    expect(world.manifests()).toMatchObject([{ end: 2 }]);
    expect(folder.owesManifest).toBe(false);
  });

  it('classifies again what it had written when someone else closed a shorter manifest first', async () => {
    const world = await World.start();
    const [one, other] = [await world.folder(), await world.folder()];
    await world.accept('a', 'b');
    await world.offer(one);
    await world.offer(other);
    await one.write();
    world.clock.time += 1_000;
    await world.accept('a', 'c');
    await world.offer(one);
    await one.write();
    await other.flush();
    await one.flush();
    expect(world.manifests()).toEqual([{ start: 0, end: 2, touched: ['a 1', 'b 1'] }, { start: 2, end: 4, touched: ['a 2', 'c 1'] }]);
    expect([...world.ledger.all()].filter(({ sk }) => sk.startsWith('D#'))).toHaveLength(4);
  });
});

describe('samples', () => {
  it('are taken when the clock passes a multiple of the interval, and before that when many records came, but not at once', async () => {
    const world = await World.start();
    const sampler = new Sampler(world.parts, sampleSettings(1_000, 20_000));
    const takenAt: number[] = [];
    for (let second = 5; second < 50; second++) {
      world.clock.time = START + second * 1_000;
      if (second === 25 || second === 26) await world.accept(...Array.from({ length: 16 }, () => 's'));
      if (second === 30) await world.accept('s');
      const sample = await sampler.step(true);
      if (sample.sampledAt === world.clock.now()) takenAt.push(second);
    }
    expect(takenAt).toEqual([5, 20, 25, 26, 40]);
  });

  it('are written by one member of a group only, while each closes its manifests by its own look', async () => {
    const world = await World.start();
    await world.accept('s', 's');
    const [writer, other] = [new Sampler(world.parts), new Sampler(world.parts)];
    expect((await other.step(false)).ends).toEqual({ [LOG]: 2 });
    expect(world.ledger.stored(keys.ends('east', 0))).toBeUndefined();
    expect((await writer.step(true)).ends).toEqual({ [LOG]: 2 });
    expect(world.sample()).toEqual({ sampledAt: START, ends: { [LOG]: 2 } });
  });

  it('of a clock that was ahead do not stand when it is right again: whoever samples goes on', async () => {
    const world = await World.start();
    const skewed = new HandClock();
    const [ahead, right, behind] = [new Sampler({ ...world.parts, clock: skewed }), new Sampler(world.parts), new Sampler({ ...world.parts, clock: skewed })];
    skewed.time = START + 6 * 3_600_000;
    await ahead.sample();
    for (const id of ['a', 'b']) {
      world.clock.time += 1_000;
      await world.accept(id);
      await right.sample();
      expect(world.sample()).toEqual({ sampledAt: world.clock.time, ends: { [LOG]: id === 'a' ? 1 : 2 } });
    }
    skewed.time = START - 1;
    await behind.sample();
    // It cannot tell which of the two is wrong. Either is true by its clock.
    expect(world.sample().sampledAt).toBe(START - 1);
    await right.sample();
    expect(world.sample().sampledAt).toBe(world.clock.time);
  });

  it('never come more often than deltas are written', () => {
    expect(sampleSettings(60_000)).toMatchObject({ intervalMs: 60_000, busyIntervalMs: 60_000 });
    expect(sampleSettings(100, 500)).toMatchObject({ intervalMs: 500, busyIntervalMs: 500 });
  });
});

describe('cuts', () => {
  const settings = { cutIntervalMs: 1_000, cutWaitMs: 5_000, sampleStaleMs: 60_000, cutIdleMs: 30_000 };

  it('are one for a round: the allocator that made the last one goes on, another one waits for it', async () => {
    const world = await World.start();
    const folder = await world.folder();
    const reacher = new Reacher(world.parts);
    const allocators = ['east', 'west'].map((region) => new Allocator({ ...world.parts, region }, settings));
    const made: string[] = [];
    for (let half = 0; half < 80; half++) {
      world.clock.time += 500;
      if (half % 20 === 0) await world.accept('s');
      await world.offer(folder);
      if (half % 20 === 1) folder.sampled((await new Sampler(world.parts).sample()).ends[LOG] ?? 0);
      if (folder.owesManifest) await folder.flush();
      await reacher.step();
      // West is asked first each time: only what it waits for keeps it from being first.
      for (const allocator of [...allocators].reverse()) await allocator.step();
      const { k, by } = await newestCut(world.control);
      if (k > made.length) made.push(by);
    }
    expect(made).toHaveLength(4);
    expect(new Set(made.slice(1))).toEqual(new Set([made[0]]));
  });

  it('never say that they are complete to a time for which only a clock that was ahead vouches', async () => {
    const world = await World.start();
    const [folder, reacher, allocator, skewed] = [await world.folder(), new Reacher(world.parts), new Allocator(world.parts, settings), new HandClock()];
    const cutOf = async (sampler: Sampler): Promise<Cut> => {
      world.clock.time += 1_000;
      skewed.time = world.clock.time + 300_000;
      await sampler.sample();
      for (let step = 0; step < 12; step++) {
        world.clock.time += 1_000;
        await reacher.step();
        await allocator.step();
      }
      return newestCut(world.control);
    };
    await world.accept('a');
    await world.offer(folder);
    await folder.flush();
    // The first look tells nothing of when the sample was taken.
    const ahead = new Sampler({ ...world.parts, clock: skewed });
    expect(await cutOf(ahead)).toMatchObject({ asOf: 0, lagging: [{ code: 'region_unreachable' }, { code: 'not_folded', behind: -1 }] });
    const seen = world.clock.time + 2_000;
    const cut = await cutOf(ahead);
    expect([cut.lagging, cut.asOf <= seen]).toEqual([[], true]);
    // The clock is set right, an event is acknowledged, and nobody folds it.
    const before = world.clock.time;
    await world.accept('b');
    const after = await cutOf(new Sampler(world.parts));
    expect(after).toMatchObject({ lagging: [{ code: 'not_folded', behind: 1 }] });
    expect(after.asOf).toBeLessThanOrEqual(before);
  });
});
