/** The replicator as users run it, a process between DynamoDB Local of three regions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { REGIONS, Regions, World, type RegionName } from './replicator.fixture';

const TIMEOUT_MS = 120_000;

let regions: Regions;
let world: World;

beforeAll(async () => {
  regions = await Regions.start();
}, 300_000);
afterAll(() => regions.close(), TIMEOUT_MS);
beforeEach(async () => {
  world = new World(regions);
  await world.create();
}, TIMEOUT_MS);
afterEach(() => world.close(), TIMEOUT_MS);

async function inAll(pk: string, text: string | undefined): Promise<void> {
  await world.until(async () => (await Promise.all(REGIONS.map((region) => world.read(region, pk)))).every((found) => found === text));
}

/** Some keys, written in all regions at once, in several rounds. */
async function contend(keys: number, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const writes = REGIONS.flatMap((region) => Array.from({ length: keys }, (_, key) => world.write(region, `k${key}`, `${region} ${round}`)));
    await Promise.all(writes);
  }
}

describe('the replicator', () => {
  it('brings what one region writes to all others, where the product reads and overwrites it as its own', async () => {
    await world.startReplicator();
    await world.write('aa', 'row', 'first');
    await inAll('row', 'first');
    expect(await world.ledgers.bb.insert({ pk: 'row', sk: '-', value: Buffer.from('other') })).toBe('exists');
    await world.write('bb', 'row', 'second');
    await inAll('row', 'second');
    expect(await world.converged(1)).toEqual([expect.stringMatching(/^row second \d{15} bb$/)]);
  }, TIMEOUT_MS);

  it('replicates what was there before it', async () => {
    await world.write('cc', 'old', 'x');
    await world.write('aa', 'older', 'y');
    await world.startReplicator();
    expect(await world.converged(2)).toHaveLength(2);
  }, TIMEOUT_MS);

  it('lets the last writer win, and all regions end with the same, when they write the same items at once', async () => {
    await world.startReplicator();
    await contend(20, 5);
    await world.converged(20);
    await world.faults({ delayMs: 300, reorder: true });
    await contend(20, 5);
    await sleep(200);
    await world.write('aa', 'k0', 'last');
    const items = await world.converged(20);
    expect(items[0]).toMatch(/^k0 last/);
  }, TIMEOUT_MS);

  it('is late when it is told to be', async () => {
    await world.startReplicator();
    await world.faults({ delayMs: 1_500 });
    const writtenAt = performance.now();
    await world.write('aa', 'row', 'late');
    await world.until(async () => (await world.read('bb', 'row')) === 'late');
    expect(performance.now() - writtenAt).toBeGreaterThan(1_500);
  }, TIMEOUT_MS);

  it('mixes up the order when it is told to', async () => {
    await world.startReplicator();
    await world.faults({ reorder: true });
    const seen: number[] = [];
    await Promise.all(Array.from({ length: 30 }, (_, n) => world.write('aa', `n${n}`, '')));
    await world.until(async () => {
      for (const item of await world.items('bb')) {
        const n = Number(item.slice(1).split(' ')[0]);
        if (!seen.includes(n)) seen.push(n);
      }
      return seen.length === 30;
    });
    const written = (await world.items('aa')).map((item) => item.split(' ')).sort(([, , a = ''], [, , b = '']) => a.localeCompare(b)).map(([name = '']) => Number(name.slice(1)));
    expect(seen).not.toEqual(written);
  }, TIMEOUT_MS);

  it('holds back what passes a cut, in that direction only, and brings it when the cut is healed', async () => {
    await world.startReplicator();
    expect(await world.faults({ cut: [['aa', 'bb']] })).toMatchObject({ status: 200 });
    await world.write('aa', 'from-aa', 'x');
    await world.write('bb', 'from-bb', 'y');
    await world.until(async () => (await world.read('cc', 'from-aa')) === 'x' && (await world.read('aa', 'from-bb')) === 'y');
    await world.until(async () => (await world.waiting('aa', 'bb')) === 1);
    expect(await world.read('bb', 'from-aa')).toBeUndefined();
    await world.faults({ cut: [['*', 'cc'], ['cc', '*']] });
    await world.write('cc', 'from-cc', 'z');
    await world.until(async () => (await world.read('bb', 'from-aa')) === 'x');
    expect(await world.read('aa', 'from-cc')).toBeUndefined();
    await world.faults({});
    expect(await world.converged(3)).toHaveLength(3);
  }, TIMEOUT_MS);

  it('deletes everywhere what is deleted in one region, and it stays so', async () => {
    await world.startReplicator();
    await world.write('aa', 'gone', 'x');
    await world.write('aa', 'kept', 'y');
    await world.converged(2);
    await world.delete('bb', 'gone');
    await world.converged(1);
    await world.faults({ reorder: true, delayMs: 200 });
    await world.write('aa', 'brief', 'x');
    await world.delete('aa', 'brief');
    await world.write('cc', 'gone', 'again');
    expect(await world.converged(2)).toEqual([expect.stringMatching(/^gone again/), expect.stringMatching(/^kept y/)]);
  }, TIMEOUT_MS);

  it('loses nothing when it is killed at any moment of a load', async () => {
    await world.startReplicator();
    let isDone = false;
    const load = Promise.all(
      REGIONS.map(async (region: RegionName) => {
        for (let n = 0; n < 150; n++) await Promise.all([world.write(region, `${region}-${n}`, 'row'), world.write(region, `shared-${n % 10}`, `${region} ${n}`)]);
      }),
    ).then(() => (isDone = true));
    while (!isDone) {
      await sleep(400);
      await world.kill();
      await world.startReplicator();
    }
    await load;
    expect(await world.converged(3 * 150 + 10)).toHaveLength(460);
  }, TIMEOUT_MS);

  it('says which field of the faults is wrong', async () => {
    await world.startReplicator();
    expect(await world.faults({ delayMs: -1 })).toMatchObject({ status: 400, error: expect.stringContaining('delayMs') as string });
    expect(await world.faults({ cut: [['aa', 'nowhere']] })).toMatchObject({ status: 400, error: expect.stringContaining('cut[0]') as string });
    expect(await world.faults({ late: 1 })).toMatchObject({ status: 400, error: expect.stringContaining('late') as string });
  }, TIMEOUT_MS);

  it('goes on between the others while a region is down, which gets all of it when it is back', async () => {
    await world.startReplicator();
    await world.write('aa', 'before', 'x');
    await world.converged(1);
    await regions.stack.kill('dynamodb/cc');
    await world.write('aa', 'meanwhile', 'y');
    await world.until(async () => (await world.read('bb', 'meanwhile')) === 'y');
    await regions.stack.start('dynamodb/cc');
    expect(await world.converged(2)).toHaveLength(2);
  }, TIMEOUT_MS);

  it('goes on in the next shard when one has ended, and after a kill too', async () => {
    await world.startReplicator();
    await world.write('aa', 'row', 'in the first');
    await inAll('row', 'in the first');
    await regions.endShards('aa');
    await world.write('aa', 'row', 'in the second');
    await inAll('row', 'in the second');
    await world.kill();
    await world.write('aa', 'row', 'meanwhile');
    await world.startReplicator();
    await inAll('row', 'meanwhile');
    expect(await world.converged(1)).toHaveLength(1);
  }, TIMEOUT_MS);
});
