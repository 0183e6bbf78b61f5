/** The replicator's decisions, in a model of regions whose streams are read, whose changes are applied and which crash in any order. */
import fc from 'fast-check';
import { changesOf, nameOf, verdict, written, type Change, type ItemKey, type StreamRecord } from './change';
import { Progress } from './checkpoint';
import { STAMP, stampAt, stampOf, Stamps, type Image } from './stamp';

const REGIONS = ['aa', 'bb', 'cc'] as const;
const KEYS: readonly ItemKey[] = [{ pk: 'p', sk: 'x' }, { pk: 'p', sk: 'y' }];
const ROUNDS_MAX = 1_000;

interface Region {
  readonly name: string;
  readonly items: Map<string, Image>;
  readonly stream: StreamRecord[];
  progress: Progress;
  stamps: Stamps;
  readTo: number;
}

interface Pending {
  readonly target: Region;
  readonly change: Change;
  readonly done: () => void;
  /** On its way: what happens meanwhile, it does not know. */
  isSent: boolean;
}

interface Kept {
  readonly at: readonly { readonly position: number; readonly floor: number }[];
  readonly graves: ReadonlyMap<string, string>;
}

class World {
  readonly regions: Region[] = REGIONS.map((name) => ({ name, items: new Map(), stream: [], progress: new Progress(), stamps: new Stamps(name), readTo: 0 }));
  pending: Pending[] = [];
  private graves = new Map<string, string>();
  private kept: Kept = { at: REGIONS.map(() => ({ position: 0, floor: 0 })), graves: new Map() };

  /** Any write, ours or somebody's: the stream has it. */
  write(region: Region, key: ItemKey, after: Image | undefined, recordedMs: number): void {
    const before = region.items.get(nameOf(key));
    if (after) region.items.set(nameOf(key), after);
    else region.items.delete(nameOf(key));
    if (before ?? after) region.stream.push({ key, recordedMs, ...(before && { before }), ...(after && { after }) });
  }

  read(region: Region, nowMs: number): void {
    const record = region.stream[region.readTo];
    if (!record) return;
    const done = region.progress.add(String(++region.readTo));
    const { own, others } = changesOf(record, { region: region.name, stamps: region.stamps, nowMs, grave: this.graves.get(nameOf(record.key)) });
    if (others?.kind === 'delete' && (this.graves.get(nameOf(record.key)) ?? '') < others.stamp) this.graves.set(nameOf(record.key), others.stamp);
    const parts = this.regions.flatMap((target) => {
      const change = target === region ? own : others;
      return change ? [{ target, change }] : [];
    });
    let left = parts.length;
    if (left === 0) done();
    for (const part of parts) this.pending.push({ ...part, isSent: false, done: () => --left === 0 && done() });
  }

  /** Sends a change, or lets it arrive. */
  apply(index: number, recordedMs: number): void {
    const one = this.pending[index % this.pending.length];
    if (!one) return;
    const { target, change } = one;
    const name = nameOf(change.key);
    if (!one.isSent) {
      if (this.pending.some((other) => other.isSent && other.target === target && nameOf(other.change.key) === name)) return;
      if (change.kind === 'put' && change.stamp <= (this.graves.get(name) ?? '')) this.finish(one);
      else one.isSent = true;
      return;
    }
    const next = verdict(change, target.items.get(name));
    if (next === 'write') this.write(target, change.key, written(change), recordedMs);
    if (next === 'wait') one.isSent = false;
    else this.finish(one);
  }

  private finish(one: Pending): void {
    this.pending.splice(this.pending.indexOf(one), 1);
    one.done();
  }

  keep(): void {
    this.kept = { at: this.regions.map(({ progress, stamps }) => ({ position: Number(progress.position ?? 0), floor: stamps.floor })), graves: new Map(this.graves) };
  }

  crash(): void {
    this.pending = [];
    this.graves = new Map(this.kept.graves);
    for (const [index, region] of this.regions.entries()) {
      const { position, floor } = this.kept.at[index]!;
      region.readTo = position;
      region.progress = new Progress(String(position));
      region.stamps = new Stamps(region.name, floor);
    }
  }

  settle(nowMs: number): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const region of this.regions) while (region.readTo < region.stream.length) this.read(region, nowMs + round);
      if (this.pending.length === 0) return;
      for (let index = this.pending.length - 1; index >= 0; index--) this.apply(index, nowMs);
    }
  }
}

const small = fc.nat({ max: 5 });
const at = { region: fc.nat({ max: 2 }), ms: small };
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ is: fc.constant('write' as const), ...at, key: fc.nat({ max: 1 }), value: small }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('remove' as const), ...at, key: fc.nat({ max: 1 }) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('read' as const), ...at }) },
  { weight: 6, arbitrary: fc.record({ is: fc.constant('apply' as const), ms: small, indexes: fc.array(fc.nat(), { maxLength: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('keep' as const, 'crash' as const) }) },
);

function image(key: ItemKey, value: number): Image {
  return { pk: { S: key.pk }, sk: { S: key.sk }, b: { B: Uint8Array.of(value) } };
}

describe('changesOf and verdict', () => {
  it('bring all regions to the same items, in whatever order streams are read, changes applied and the replicator killed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const world = new World();
        for (const one of steps) {
          switch (one.is) {
            case 'write':
              world.write(world.regions[one.region]!, KEYS[one.key]!, image(KEYS[one.key]!, one.value), one.ms);
              break;
            case 'remove':
              world.write(world.regions[one.region]!, KEYS[one.key]!, undefined, one.ms);
              break;
            case 'read':
              for (let records = 0; records < 4; records++) world.read(world.regions[one.region]!, one.ms);
              break;
            case 'apply':
              for (const index of one.indexes) world.apply(index, one.ms);
              break;
            case 'keep':
              world.keep();
              break;
            case 'crash':
              world.crash();
              break;
          }
        }
        world.settle(10);
        expect(world.pending).toEqual([]);
        const [first, ...others] = world.regions;
        for (const { items } of others) expect([...items].sort()).toEqual([...first!.items].sort());
        for (const item of first!.items.values()) expect(stampOf(item)).toBeDefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it('let the last writer win', () => {
    const world = new World();
    const [a, b] = world.regions as [Region, Region, Region];
    const [key] = KEYS as [ItemKey, ItemKey];
    world.write(b, key, image(key, 1), 0);
    world.read(b, 1_000);
    world.write(a, key, image(key, 2), 0);
    world.read(a, 2_000);
    world.settle(3_000);
    for (const { items } of world.regions) expect(items.get(nameOf(key))).toEqual({ ...image(key, 2), [STAMP]: { S: stampAt(2_000, 'aa') } });
  });

  it('do not let an older write overwrite a local one whose stamp is not known yet', () => {
    const world = new World();
    const [a, b] = world.regions as [Region, Region, Region];
    const [key] = KEYS as [ItemKey, ItemKey];
    world.write(a, key, image(key, 1), 0);
    world.read(a, 1_000);
    world.write(b, key, image(key, 2), 0);
    // Stamped, seen to be, sent to b and there.
    for (const _ of [1, 2]) world.apply(0, 0);
    world.read(a, 1_100);
    for (const index of [0, 0, 0, 0]) world.apply(index, 0);
    expect(world.pending.some(({ target, isSent }) => target === b && !isSent)).toBe(true);
    world.settle(2_000);
    for (const { items } of world.regions) expect(items.get(nameOf(key))).toMatchObject({ b: { B: Uint8Array.of(2) } });
  });

  it('do not bring back what was deleted, and keep what was written after', () => {
    const world = new World();
    const [a, b] = world.regions as [Region, Region, Region];
    const [key] = KEYS as [ItemKey, ItemKey];
    world.write(a, key, image(key, 1), 0);
    world.settle(1);
    world.write(b, key, undefined, 0);
    world.settle(2);
    for (const { items } of world.regions) expect(items.size).toBe(0);
    world.write(b, key, image(key, 2), 0);
    world.settle(2);
    for (const { items } of world.regions) expect(items.get(nameOf(key))).toMatchObject({ b: { B: Uint8Array.of(2) } });
  });
});

describe('Stamps', () => {
  it('are above all that the stream has shown, whatever the clock says', () => {
    const stamps = new Stamps('aa');
    stamps.see(stampAt(5_000, 'zz'));
    expect(stamps.issue(10, 0)).toBe(stampAt(5_001, 'aa'));
    expect(stamps.issue(10, 0)).toBe(stampAt(5_002, 'aa'));
    expect(stamps.issue(7_000, 0)).toBe(stampAt(7_000, 'aa'));
  });

  it('of a write that is read late are of the minute in which it was made', () => {
    expect(new Stamps('aa').issue(3_600_000, 120_000)).toBe(stampAt(180_000, 'aa'));
  });

  it('sort by time, then by region', () => {
    const sorted = [stampAt(9, 'zz'), stampAt(10, 'eu'), stampAt(10, 'eu-1'), stampAt(10, 'us'), stampAt(100, 'aa')];
    expect(sorted.toSorted()).toEqual(sorted);
  });
});
