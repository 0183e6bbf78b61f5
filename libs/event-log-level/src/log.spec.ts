import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLogContract } from '@meridian/event-log/contract';
import { LevelEventLog, type LevelEventLogOptions } from './log';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'event-log-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

eventLogContract('level', {
  offers: { reopen: true, trim: false },
  open: async (partitions) => {
    let time = 0;
    const options: LevelEventLogOptions = { directory, topic: 'events', partitions, clock: { now: () => time, sleep: () => Promise.resolve() } };
    let log = await LevelEventLog.open(options);
    return {
      log,
      reopen: async () => {
        await log.close();
        log = await LevelEventLog.open(options);
        return log;
      },
      setTime: (ms) => void (time = ms),
      dispose: () => log.close(),
    };
  },
});

describe('LevelEventLog', () => {
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const options = { topic: 'events', partitions: 2, clock };

  it('refuses a directory of another topic or number of partitions', async () => {
    await (await LevelEventLog.open({ ...options, directory })).close();
    await expect(LevelEventLog.open({ ...options, directory, partitions: 3 })).rejects.toMatchObject({ code: 'log_invalid' });
    await expect(LevelEventLog.open({ ...options, directory, topic: 'other' })).rejects.toMatchObject({ code: 'log_invalid' });
    await (await LevelEventLog.open({ ...options, directory })).close();
  });

  it('gives every directory a cluster of its own', async () => {
    const logs = await Promise.all(['a', 'b'].map((name) => LevelEventLog.open({ ...options, directory: join(directory, name) })));
    const clusters = await Promise.all(logs.map(async (log) => (await log.describe()).cluster));
    expect(new Set(clusters).size).toBe(2);
    await Promise.all(logs.map((log) => log.close()));
  });

  it('writes what was handed over before it closes', async () => {
    const log = await LevelEventLog.open({ ...options, directory });
    const calls = Array.from({ length: 20 }, (_, i) => log.append([{ partition: i % 2, key: 'k', value: Uint8Array.of(i) }]));
    await Promise.all([log.close(), ...calls]);
    const again = await LevelEventLog.open({ ...options, directory });
    expect((await again.extents()).map(({ end }) => end)).toEqual([10, 10]);
    await again.close();
  });

  it('refuses a value that is too large, and appends nothing of that call', async () => {
    const log = await LevelEventLog.open({ ...options, directory });
    const call = log.append([{ partition: 0, key: 'k', value: Uint8Array.of(1) }, { partition: 0, key: 'k', value: new Uint8Array(9_000_000) }]);
    await expect(call).rejects.toMatchObject({ code: 'log_invalid' });
    expect((await log.extents())[0]?.end).toBe(0);
    await log.close();
  });
});
