import fs, { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { LOCK } from './lock';
import { REJECTED, Spool } from './spool';

const BYTES_MAX = 1_000_000;
const EVENT = '{"id":"a"}';

let root: string;
let opened: Spool[];
/** Directories of which the entries are durable, in the order in which they became so. */
let synced: string[];
let opening: jest.SpiedFunction<typeof fs.open>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'spool-'));
  opened = [];
  synced = [];
  const original = fs.open;
  opening = jest.spyOn(fs, 'open').mockImplementation(async (path, ...how) => {
    const file = await original(path, ...how);
    const sync = file.sync.bind(file);
    file.sync = () => sync().then(() => void synced.push(String(path)));
    return file;
  });
});
afterEach(async () => {
  opening.mockRestore();
  await Promise.all(opened.map((spool) => spool.close()));
  await rm(root, { recursive: true });
});

async function open(directory: string): Promise<Spool> {
  const spool = await Spool.open(directory, BYTES_MAX);
  opened.push(spool);
  return spool;
}

describe('the directory of a spool', () => {
  it('is durable when it is open, and so is every one above it that was made', async () => {
    await open(join(root, 'a/b/spool'));
    expect(synced).toEqual(expect.arrayContaining([root, join(root, 'a'), join(root, 'a/b')]));
  });

  it('is made durable by the next one when who made it was killed before', async () => {
    await mkdir(join(root, 'a/spool'), { recursive: true });
    await open(join(root, 'a/spool'));
    expect(synced).toEqual(expect.arrayContaining([root, join(root, 'a')]));
  });

  it.each([[join('a', 'spool'), false], ['spool', true]])('%s that cannot be made durable is refused when it was made here: there before: %s', async (name, isThere) => {
    const directory = join(root, name);
    if (isThere) await mkdir(directory);
    const original = opening.getMockImplementation()!;
    opening.mockImplementation((path, ...how) => (path === root ? Promise.reject(new TypeError('not allowed')) : original(path, ...how)));
    const outcome = open(directory);
    if (isThere) await outcome;
    else await expect(outcome).rejects.toMatchObject({ code: 'spool_failed' });
  });

  it('has the entry of what was rejected durable before the event leaves the spool, also of a file that is new again', async () => {
    const spool = await open(join(root, 'spool'));
    for (let round = 0; round < 2; round++) {
      synced.length = 0;
      await spool.reject([EVENT]);
      expect(synced).toEqual([join(root, 'spool')]);
      await rm(join(root, 'spool', REJECTED));
    }
  });
});

describe('a segment that is there already', () => {
  it('is refused, keeps its bytes, and the next number is used', async () => {
    const spool = await open(root);
    const path = join(root, '0000000000000001.spool');
    await writeFile(path, 'of another');
    await expect(spool.append(EVENT)).rejects.toMatchObject({ code: 'spool_failed', message: expect.stringContaining(path) as string });
    await spool.append(EVENT);
    expect(await readFile(path, 'utf8')).toBe('of another');
    expect(await spool.next()).toMatchObject({ events: [EVENT] });
    expect(await readdir(root)).toContain('0000000000000002.spool');
  });
});

describe('the lock of a spool', () => {
  it('ends with the spool, needs no bytes, and its file stays', async () => {
    for (let round = 0; round < 3; round++) {
      const spool = await Spool.open(root, BYTES_MAX);
      await expect(Spool.open(root, BYTES_MAX)).rejects.toMatchObject({ code: 'spool_in_use', retryable: false });
      // A refusal has not taken it from its owner.
      await expect(Spool.open(root, BYTES_MAX)).rejects.toMatchObject({ code: 'spool_in_use' });
      await spool.close();
    }
    expect(await readdir(root)).toEqual([LOCK]);
    expect(await stat(join(root, LOCK))).toMatchObject({ size: 0 });
  });

  it("is nobody's when the file is no lock of ours", async () => {
    await writeFile(join(root, LOCK), 'x'.repeat(1_000));
    await expect(open(root)).rejects.toMatchObject({ code: 'spool_failed', message: expect.stringContaining(LOCK) as string });
  });

  // Only root can become somebody else.
  (process.getuid?.() === 0 ? it : it.skip)('is not taken by a user who may only read the file', async () => {
    const NOBODY = 65_534;
    const owner = await Spool.open(root, BYTES_MAX);
    await owner.close();
    await chmod(root, 0o777);
    process.seteuid!(NOBODY);
    try {
      await expect(open(root)).rejects.toMatchObject({ code: 'spool_failed', message: expect.stringContaining(LOCK) as string });
    } finally {
      process.seteuid!(0);
    }
  });
});
