import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, startDetached, stop, type Started } from './processes';

const DRAIN_MS = 5_000;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'processes-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function start(script: string): Promise<Started> {
  const mark = `mark=${directory}`;
  return startDetached(process.execPath, ['-e', script, '--', mark], { mark, logFile: join(directory, 'log'), cwd: directory });
}

describe('processes that outlive their command', () => {
  it('are ended, and ending them again is nothing', async () => {
    const started = await start('setInterval(() => {}, 1000)');
    expect(await isRunning(started)).toBe(true);
    await stop(started, DRAIN_MS);
    expect(await isRunning(started)).toBe(false);
    await stop(started, DRAIN_MS);
  });

  it('are left alone when they are somebody else\'s who has the pid now', async () => {
    const started = await start('setInterval(() => {}, 1000)');
    const mistaken = { pid: started.pid, mark: 'mark=another' };
    expect(await isRunning(mistaken)).toBe(false);
    await stop(mistaken, DRAIN_MS);
    expect(await isRunning(started)).toBe(true);
    await stop(started, DRAIN_MS);
  });

  it('say so when they cannot be started', async () => {
    const starting = startDetached(join(directory, 'nothing'), [], { mark: 'm', logFile: join(directory, 'log'), cwd: directory });
    await expect(starting).rejects.toMatchObject({ code: 'stack_not_started' });
  });
});
