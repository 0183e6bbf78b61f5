import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readState, withLock, writeState, type Member } from './state';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'state-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the state of a stack', () => {
  it('is empty at first, and what was written after', async () => {
    const member: Member = { part: 'kafka', region: 'eu', ports: { broker: 1 }, pid: 7 };
    expect(await readState(directory)).toEqual({ regions: [], members: [] });
    await writeState(directory, { regions: ['eu'], members: [member] });
    expect(await readState(directory)).toEqual({ regions: ['eu'], members: [member] });
  });

  it('says so when somebody has damaged it', async () => {
    await writeFile(join(directory, 'stack.json'), '{"members":');
    await expect(readState(directory)).rejects.toMatchObject({ code: 'stack_invalid' });
  });

  it('is one command\'s at a time', async () => {
    await withLock(directory, async () => {
      await expect(withLock(directory, () => Promise.resolve())).rejects.toMatchObject({ code: 'stack_busy' });
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('is taken over from a command that was killed', async () => {
    await writeFile(join(directory, 'lock'), '999999999');
    expect(await withLock(directory, () => Promise.resolve('done'))).toBe('done');
  });
});
