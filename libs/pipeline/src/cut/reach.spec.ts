/** What a replica tells of how far it is behind, while rows of another region arrive one by one. */
import { createHash } from 'node:crypto';
import { ownersSegment, streamId, type Clock, type Cut, type Hash, type LogId, type UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { encodeJson, keys, MemoryLedger, type StoredRow } from '@meridian/ledger';
import { Acceptor } from '../accept';
import { FOLD_DEFAULTS, Folder } from '../fold/fold';
import { silentProbe, type Reached } from '../probe';
import { Reacher } from './reach';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
const LOG = 'east.0.0' as LogId;
const STREAM = streamId(LOG, 0);

/** The east folds, the west looks at what has arrived. */
class World {
  readonly west = new MemoryLedger();
  told: Reached | undefined;
  private readonly east = new MemoryLedger();
  private time = START;
  private readonly clock: Clock = { now: () => this.time, sleep: () => Promise.resolve() };
  private readonly log = new MemoryEventLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 1 }, clock: this.clock });
  private readonly folder = new Folder(
    { log: this.log, ledger: this.east, hash, clock: this.clock, probe: silentProbe },
    { partition: 0, log: LOG, segments: [ownersSegment(LOG, 0, 'east')] },
    FOLD_DEFAULTS,
  );
  private reacher = this.restarted();

  async fold(id: string): Promise<void> {
    const event: UsageEvent = {
      kind: 'usage', tenant: 'acme', source: 'chat', id, session: 's', time: START, provider: 'p', model: 'm', tokens: { input: 1 }, counted: 'reported',
    };
    await new Acceptor({ log: this.log, logs: [LOG], clock: this.clock, probe: silentProbe }).accept([event]);
    await this.folder.offer(await this.log.read(0, await this.folder.open(), 10));
    await this.folder.flush();
  }

  replicate(isLate: (row: StoredRow) => boolean = () => false): void {
    for (const row of this.east.all()) if (!isLate(row)) this.west.put(row);
  }

  /** A cut of the first `manifests` manifests, of one record each, is known in the west. */
  async cut(k: number, manifests: number): Promise<void> {
    const segments = [{ ...ownersSegment(LOG, 0, 'east'), manifests }];
    const cut: Cut = { k, logs: [{ log: LOG, offset: manifests, segments, asOf: START + k }], lagging: [], asOf: START + k, by: 'east' };
    await this.west.insert({ ...keys.cutCopy(k), value: encodeJson(cut) });
  }

  async look(afterMs: number): Promise<Reached | undefined> {
    this.time += afterMs;
    await this.reacher.step();
    return this.told;
  }

  restart(): void {
    this.reacher = this.restarted();
  }

  private restarted(): Reacher {
    const probe = { ...silentProbe, reached: (told: Reached) => (this.told = told) };
    return new Reacher({ ledger: this.west, control: new MemoryLedger(), region: 'west', hash, clock: this.clock, probe });
  }
}

describe('a replica', () => {
  it('tells what it waits for by the region that wrote it, since when, and the newest cut it has', async () => {
    const world = new World();
    expect(await world.look(0)).toEqual({ k: 0, asOf: 0, lagging: 0, reachedAsOf: 0, waitingFor: 0, writers: [] });
    await world.fold('a');
    world.replicate();
    await world.cut(1, 1);
    const nothing = { writer: 'east', missing: 0, since: undefined };
    expect(await world.look(0)).toEqual({ k: 1, asOf: START + 1, lagging: 0, reachedAsOf: START + 1, waitingFor: 0, writers: [nothing] });
    await world.fold('b');
    await world.cut(2, 2);
    const behind = { k: 2, asOf: START + 2, lagging: 0, reachedAsOf: START + 1, waitingFor: 1, writers: [{ writer: 'east', missing: 1, since: START }] };
    expect(await world.look(0)).toEqual(behind);
    // Its manifest is here, its delta is not.
    world.replicate(({ sk }) => sk === keys.delta('acme', 's', STREAM, 2).sk);
    expect(await world.look(7_000)).toEqual(behind);
    world.replicate();
    expect(await world.look(0)).toEqual({ ...behind, reachedAsOf: START + 2, waitingFor: 0, writers: [nothing] });
  });

  it('knows the newest cut it has also while newer ones come faster than their rows', async () => {
    const world = new World();
    for (const [k, id] of [[1, 'a'], [2, 'b'], [3, 'c']] as const) {
      await world.fold(id);
      await world.cut(k, k);
      await world.look(1_000);
    }
    expect(world.told).toMatchObject({ k: 3, reachedAsOf: 0, writers: [{ writer: 'east', missing: 3, since: START + 1_000 }] });
    world.replicate(({ pk, sk }) => pk === keys.manifestPk(STREAM) && sk === keys.manifestSk(3));
    expect(await world.look(1_000)).toMatchObject({ k: 3, reachedAsOf: START + 2, writers: [{ missing: 1, since: START + 3_000 }] });
  });

  it('knows after a restart what it answered from before', async () => {
    const world = new World();
    await world.fold('a');
    world.replicate();
    await world.cut(1, 1);
    await world.look(0);
    const cut: Pick<Cut, 'k' | 'asOf' | 'logs'> = { k: 1, asOf: START + 1, logs: [] };
    await world.west.replace({ ...keys.resolved('west'), version: 1, value: encodeJson({ cut }) });
    await world.fold('b');
    await world.cut(2, 2);
    world.restart();
    expect(await world.look(1_000)).toMatchObject({ k: 2, reachedAsOf: START + 1, waitingFor: 1 });
  });
});
