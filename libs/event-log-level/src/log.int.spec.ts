/** The log against the machine: processes killed at random moments, files that may not grow, a second process. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { LevelEventLog } from './log';

const ROOT = resolve(__dirname, '../../..');
const PARTITIONS = 3;
/** Lets a child run the sources, as jest does. */
const RUN_SOURCE = `
  const { transformFileSync } = require('@swc/core');
  const [, config] = require('./jest.preset.js').transform['^.+\\\\.ts$'];
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, config).code, file);
  process.argv.splice(1, 0, ${JSON.stringify(join(__dirname, 'appending.child.ts'))});
  require(process.argv[1]);
`;
const clock = { now: () => Date.now(), sleep: (ms: number) => sleep(ms) };

/** Acknowledged texts by `partition:offset`, of all children that appended to the directory. */
let acknowledged: Map<string, string>;
let directory: string;
const children = new Set<Appending>();

beforeEach(async () => {
  acknowledged = new Map();
  directory = await mkdtemp(join(tmpdir(), 'event-log-'));
});
afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  await rm(directory, { recursive: true, force: true });
});

class Appending {
  readonly refused: string[] = [];
  acks = 0;
  private readonly exited: Promise<unknown>;
  private readonly errors: string[] = [];

  constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((done) => child.once('close', done));
    child.stderr?.on('data', (text: Buffer) => this.errors.push(text.toString()));
    children.add(this);
    createInterface({ input: child.stdout! }).on('line', (line) => this.take(line));
  }

  /** `fileKiB`: soft limit of the size of any file it writes. */
  static start({ writers, valueBytes, fileKiB = 'unlimited' }: { writers: number; valueBytes: number; fileKiB?: number | 'unlimited' }): Appending {
    const script = `ulimit -S -f ${fileKiB}; exec "$0" "$@"`;
    const node = [process.execPath, '-C', '@meridian/source', '-e', RUN_SOURCE, '--', directory, PARTITIONS, writers, valueBytes].map(String);
    return new Appending(spawn('bash', ['-c', script, ...node], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  limitFiles(bytes: number | 'unlimited'): void {
    execFileSync('prlimit', ['--pid', String(this.child.pid), `--fsize=${bytes}:`]);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null) throw new Error(`the child ended by itself: ${this.errors.join('')}`);
      await sleep(2);
    }
  }

  /** Resolves when nothing has been acknowledged for a while, with the number of refusals so far. */
  async untilSilent(): Promise<number> {
    for (let acks = -1; acks !== this.acks; ) {
      ({ acks } = this);
      await sleep(300);
    }
    return this.refused.length;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    children.delete(this);
  }

  private take(line: string): void {
    const [what, ...rest] = line.split(' ');
    if (what === 'refused') this.refused.push(rest.join());
    if (what !== 'ack') return;
    this.acks++;
    const [partition, offset, text] = rest;
    // The last line may be cut off by the kill: then nobody has read its end.
    if (text?.includes('-') === true) acknowledged.set(`${partition}:${offset}`, text);
  }
}

/** Everything acknowledged is there, where it was said to be, without holes and without a text twice. */
async function expectIntact(): Promise<void> {
  const log = await LevelEventLog.open({ directory, topic: 'events', partitions: PARTITIONS, clock });
  const found = new Map<string, string>();
  for (const [partition, { start, end }] of (await log.extents()).entries()) {
    expect(start).toBe(0);
    for (let offset = 0; offset < end; ) {
      const records = await log.read(partition, offset, 1_000);
      expect(records.map((record) => record.offset)).toEqual(records.map((_, i) => offset + i));
      for (const { offset: at, value } of records) found.set(`${partition}:${at}`, Buffer.from(value).toString('latin1').split('-', 2).join('-'));
      offset += records.length;
    }
  }
  await log.close();
  const lost = [...acknowledged].filter(([position, text]) => !(found.get(position) ?? '').startsWith(text));
  expect(lost).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(0);
  expect(new Set(found.values()).size).toBe(found.size);
}

describe('LevelEventLog on this machine', () => {
  it('has everything it acknowledged, without holes, after kills at random moments', async () => {
    for (let round = 0; round < 6; round++) {
      const child = Appending.start({ writers: 8, valueBytes: 200 });
      await child.until(() => child.acks > 0);
      await sleep(Math.random() * 150);
      await child.kill();
      await expectIntact();
    }
  }, 30_000);

  it('refuses appends while files may not grow, acknowledges nothing that is not there, and goes on when they may again', async () => {
    const child = Appending.start({ writers: 4, valueBytes: 2_000, fileKiB: 256 });
    await child.until(() => child.refused.length > 3);
    child.limitFiles(0);
    const refused = await child.untilSilent();
    const { acks } = child;
    await sleep(500);
    expect(child.acks).toBe(acks);
    expect(child.refused.length).toBeGreaterThan(refused);
    expect(new Set(child.refused)).toEqual(new Set(['log_full']));
    child.limitFiles('unlimited');
    await child.until(() => child.acks > acks + 500);
    await child.kill();
    await expectIntact();
  }, 30_000);

  it('says so when another process has the directory open', async () => {
    const child = Appending.start({ writers: 1, valueBytes: 10 });
    await child.until(() => child.acks > 0);
    const second = LevelEventLog.open({ directory, topic: 'events', partitions: PARTITIONS, clock });
    await expect(second).rejects.toMatchObject({ code: 'log_unavailable', message: expect.stringContaining('another process has it open') as string });
    await child.kill();
  }, 30_000);
});
