import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@meridian/accounting';
import { LevelLedger } from './ledger';
import { Replicator, TRIM_ROWS, type ReplicatorOptions } from './replicator';

/** Stands still until told. */
class ManualClock implements Clock {
  private time = 1_000_000;
  private readonly sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();

  now(): number {
    return this.time;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    await new Promise<void>((wake) => {
      this.sleepers.add({ until: this.time + ms, wake });
      signal?.addEventListener('abort', () => wake());
    });
  }

  advance(ms: number): void {
    this.time += ms;
    for (const sleeper of this.sleepers) {
      if (sleeper.until > this.time) continue;
      this.sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

const DELAY_MS = 1_000;
let directory: string;
let clock: ManualClock;
let replicas: LevelLedger[];
let replicator: Replicator;
const failures: Error[] = [];

const open = (origin: string): Promise<LevelLedger> => LevelLedger.open({ directory: join(directory, origin), clock, origin });
const start = (options: Partial<ReplicatorOptions> = {}): Promise<Replicator> =>
  Replicator.start({ replicas, clock, delayMs: DELAY_MS, onFailed: (error) => failures.push(error), ...options });
const replica = (origin: string): LevelLedger => replicas.find(({ identity }) => identity.origin === origin)!;
const bytes = (text: string): Uint8Array => Buffer.from(text);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'replicas-'));
  clock = new ManualClock();
  replicas = await Promise.all(['ap', 'eu', 'us'].map(open));
  replicator = await start();
});

afterEach(async () => {
  await replicator.close();
  await Promise.all(replicas.map((one) => one.close()));
  await rm(directory, { recursive: true, force: true });
  expect(failures.splice(0)).toEqual([]);
});

async function textAt(origin: string, sk: string): Promise<string | undefined> {
  const row = await replica(origin).get({ pk: 'p', sk });
  return row && Buffer.from(row.value).toString();
}

async function eventually(condition: () => Promise<unknown>, expected: unknown): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (JSON.stringify(await condition()) === JSON.stringify(expected)) return;
    await sleep(5);
  }
  expect(await condition()).toEqual(expected);
}

/** Long enough for anything that is due to be applied. */
const settle = (): Promise<void> => sleep(50);
const everywhere = (sk: string) => () => Promise.all(['ap', 'eu', 'us'].map((origin) => textAt(origin, sk)));
const waitingRows = async (): Promise<number> => (await replicator.lags()).reduce((sum, { rows }) => sum + rows, 0);

describe('Replicator', () => {
  it('brings a row to every other replica when the delay since its write has passed, and not before', async () => {
    await replica('eu').insert({ pk: 'p', sk: 'a', value: bytes('inserted') });
    clock.advance(600);
    await replica('eu').replace({ pk: 'p', sk: 'b', value: bytes('replaced'), version: 3 });
    clock.advance(399);
    await settle();
    expect(await everywhere('a')()).toEqual([undefined, 'inserted', undefined]);
    clock.advance(1);
    await eventually(everywhere('a'), ['inserted', 'inserted', 'inserted']);
    await settle();
    expect(await everywhere('b')()).toEqual([undefined, 'replaced', undefined]);
    clock.advance(600);
    await eventually(everywhere('b'), ['replaced', 'replaced', 'replaced']);
    expect(await replica('us').get({ pk: 'p', sk: 'b' })).toMatchObject({ version: 3 });
  });

  it('does not send on what it was sent', async () => {
    await replica('eu').insert({ pk: 'p', sk: 'a', value: bytes('x') });
    clock.advance(DELAY_MS);
    await eventually(everywhere('a'), ['x', 'x', 'x']);
    expect(replicas.map(({ outbox }) => outbox.last)).toEqual([0, 1, 0]);
  });

  it('says what waits, and since when', async () => {
    const writtenAt = clock.now();
    await replica('us').insert({ pk: 'p', sk: 'a', value: bytes('x') });
    clock.advance(10);
    await replica('us').insert({ pk: 'p', sk: 'b', value: bytes('y') });
    expect(await replicator.lags()).toEqual([
      { source: 'ap', target: 'eu', rows: 0 }, { source: 'ap', target: 'us', rows: 0 },
      { source: 'eu', target: 'ap', rows: 0 }, { source: 'eu', target: 'us', rows: 0 },
      { source: 'us', target: 'ap', rows: 2, oldest: writtenAt }, { source: 'us', target: 'eu', rows: 2, oldest: writtenAt },
    ]);
    clock.advance(DELAY_MS);
    await eventually(waitingRows, 0);
  });

  it('changes the delay of one pair at once, for rows that wait already too', async () => {
    await replica('us').insert({ pk: 'p', sk: 'a', value: bytes('x') });
    await settle();
    replicator.setDelay('us', 'eu', 0);
    await eventually(everywhere('a'), [undefined, 'x', 'x']);
    await settle();
    expect(await textAt('ap', 'a')).toBeUndefined();
  });

  it('holds the rows of a paused pair, however long, until it is resumed', async () => {
    replicator.pause('us', 'eu');
    await replica('us').insert({ pk: 'p', sk: 'a', value: bytes('x') });
    clock.advance(100 * DELAY_MS);
    await eventually(everywhere('a'), ['x', undefined, 'x']);
    await settle();
    expect(await textAt('eu', 'a')).toBeUndefined();
    replicator.resume('us', 'eu');
    await eventually(everywhere('a'), ['x', 'x', 'x']);
  });

  it('leaves every replica with the same rows when several wrote the same keys', async () => {
    await replica('ap').insert({ pk: 'p', sk: 'same', value: bytes('x') });
    await replica('eu').insert({ pk: 'p', sk: 'same', value: bytes('x') });
    await replica('ap').insert({ pk: 'p', sk: 'differs', value: bytes('first') });
    await replica('us').replace({ pk: 'p', sk: 'version', value: bytes('v5'), version: 5 });
    clock.advance(1);
    await replica('eu').insert({ pk: 'p', sk: 'differs', value: bytes('last writer') });
    await replica('ap').replace({ pk: 'p', sk: 'version', value: bytes('v4'), version: 4 });
    await replica('ap').replace({ pk: 'p', sk: 'tie', value: bytes('a'), version: 7 });
    await replica('us').replace({ pk: 'p', sk: 'tie', value: bytes('b'), version: 7 });
    clock.advance(DELAY_MS);
    await eventually(waitingRows, 0);
    expect(await everywhere('same')()).toEqual(['x', 'x', 'x']);
    expect(await everywhere('differs')()).toEqual(['last writer', 'last writer', 'last writer']);
    expect(await everywhere('version')()).toEqual(['v5', 'v5', 'v5']);
    expect(await everywhere('tie')()).toEqual(['b', 'b', 'b']);
  });

  it('trims the outbox of what every target has, and not of what one lacks', async () => {
    replicator.pause('us', 'ap');
    const rows = Array.from({ length: 2 * TRIM_ROWS }, (_, i) => ({ pk: 'p', sk: `${i}`, value: bytes('x') }));
    await Promise.all(rows.map((row) => replica('us').insert(row)));
    clock.advance(DELAY_MS);
    await eventually(waitingRows, rows.length);
    expect(replica('us').outbox.trimmed).toBe(0);
    replicator.resume('us', 'ap');
    await eventually(async () => replica('us').outbox.trimmed, rows.length);
    await replica('us').insert({ pk: 'p', sk: 'more', value: bytes('y') });
    clock.advance(DELAY_MS);
    await eventually(everywhere('more'), ['y', 'y', 'y']);
  });

  it('goes on after reopening where it was', async () => {
    await replica('us').insert({ pk: 'p', sk: 'a', value: bytes('x') });
    clock.advance(DELAY_MS);
    await eventually(waitingRows, 0);
    await replica('us').insert({ pk: 'p', sk: 'b', value: bytes('y') });
    await replicator.close();
    await Promise.all(replicas.map((one) => one.close()));
    replicas = await Promise.all(['ap', 'eu', 'us'].map(open));
    replicator = await start();
    expect(await waitingRows()).toBe(2);
    clock.advance(DELAY_MS);
    await eventually(everywhere('b'), ['y', 'y', 'y']);
    expect(replica('us').outbox.last).toBe(2);
  });

  it('refuses a replica that lacks rows which are no longer in an outbox', async () => {
    await Promise.all(Array.from({ length: TRIM_ROWS }, (_, i) => replica('us').insert({ pk: 'p', sk: `${i}`, value: bytes('x') })));
    clock.advance(DELAY_MS);
    await eventually(async () => replica('us').outbox.trimmed, TRIM_ROWS);
    replicas.push(await open('sa'));
    await expect(start()).rejects.toMatchObject({ code: 'ledger_invalid' });
  });

  it('refuses a ledger without origin, two of the same, and a pair that there is not', async () => {
    const table = await LevelLedger.open({ directory: join(directory, 'control'), clock });
    await expect(start({ replicas: [table] })).rejects.toMatchObject({ code: 'ledger_invalid' });
    await table.close();
    await expect(start({ replicas: [replica('us'), replica('us')] })).rejects.toMatchObject({ code: 'ledger_invalid' });
    expect(() => replicator.pause('us', 'mars')).toThrow('there are no replicas us and mars');
  });
});
