import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Progress, readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('Progress', () => {
  it('moves over the records at the beginning that are done with, never over one that is not', () => {
    const progress = new Progress('7');
    const [first, second, third] = ['8', '9', '10'].map((position) => progress.add(position)) as [() => void, () => void, () => void];
    second();
    expect([progress.position, progress.isIdle]).toEqual(['7', false]);
    first();
    expect(progress.position).toBe('9');
    third();
    expect([progress.position, progress.isIdle]).toEqual(['10', true]);
  });
});

describe('the checkpoint', () => {
  const checkpoint: Checkpoint = {
    regions: { us: { stream: 'arn', isScanned: true, floorMs: 5, shards: { one: { position: '3' }, two: { isFinished: true } } } },
    graves: [['p', 's', '000000000000005 us']],
  };

  it('is empty at first, and what was written after, with nothing beside it', async () => {
    const file = join(directory, 'below', 'table.json');
    expect(await readCheckpoint(file)).toEqual({ regions: {}, graves: [] });
    await writeCheckpoint(file, checkpoint);
    expect(await readCheckpoint(file)).toEqual(checkpoint);
    expect(await readdir(join(directory, 'below'))).toEqual(['table.json']);
  });

  it('says so when somebody has damaged it', async () => {
    await writeFile(join(directory, 'table.json'), '{"regions":');
    await expect(readCheckpoint(join(directory, 'table.json'))).rejects.toMatchObject({ code: 'stack_invalid' });
  });
});
