/** Replicas against the machine: processes killed at random moments, files that may not grow, a second process. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryAll, type StoredRow } from '@meridian/ledger';
import { LevelLedger } from './ledger';
import { Replicator } from './replicator';

const ROOT = resolve(__dirname, '../../..');
const ORIGINS = ['ap', 'eu'];
/** Lets a child run the sources, as jest does. */
const RUN_SOURCE = `
  const { transformFileSync } = require('@swc/core');
  const [, config] = require('./jest.preset.js').transform['^.+\\\\.ts$'];
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, config).code, file);
  process.argv.splice(1, 0, ${JSON.stringify(join(__dirname, 'writing.child.ts'))});
  require(process.argv[1]);
`;
const clock = { now: () => Date.now(), sleep: (ms: number) => sleep(ms) };

let directory: string;
/** Sort keys of rows whose insert was answered. */
let inserted: Set<string>;
/** Highest version answered, by sort key. */
let replaced: Map<string, number>;
/** `origin sk` of inserts that were refused as not applied. */
let notApplied: Set<string>;
const children = new Set<Writing>();

beforeEach(async () => {
  inserted = new Set();
  replaced = new Map();
  notApplied = new Set();
  directory = await mkdtemp(join(tmpdir(), 'ledgers-'));
});
afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  await rm(directory, { recursive: true, force: true });
});

class Writing {
  readonly refused: string[] = [];
  answers = 0;
  private readonly exited: Promise<unknown>;
  private readonly errors: string[] = [];

  constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((done) => child.once('close', done));
    children.add(this);
    child.stderr?.on('data', (text: Buffer) => this.errors.push(text.toString()));
    createInterface({ input: child.stdout! }).on('line', (line) => this.take(line));
  }

  /** `fileKiB`: soft limit of the size of any file it writes. */
  static start({ writers, valueBytes, fileKiB = 'unlimited' }: { writers: number; valueBytes: number; fileKiB?: number | 'unlimited' }): Writing {
    const script = `ulimit -S -f ${fileKiB}; exec "$0" "$@"`;
    const node = [process.execPath, '-C', '@meridian/source', '-e', RUN_SOURCE, '--', directory, writers, valueBytes].map(String);
    return new Writing(spawn('bash', ['-c', script, ...node], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }));
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

  /** Resolves when nothing has been answered for a while. */
  async untilSilent(): Promise<void> {
    for (let answers = -1; answers !== this.answers; ) {
      ({ answers } = this);
      await sleep(300);
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    children.delete(this);
  }

  private take(line: string): void {
    const [what, ...rest] = line.split(' ');
    if (what === 'refused') {
      const [code = '', origin, sk = ''] = rest;
      this.refused.push(code);
      if (code === 'ledger_unavailable' && !sk.startsWith('shared')) notApplied.add(`${origin} ${sk}`);
      return;
    }
    // The last line may be cut off by the kill: then nobody has read its end.
    const [, sk, version] = rest;
    if (sk === undefined || version?.length !== 16) return;
    this.answers++;
    if (what === 'inserted') inserted.add(sk);
    else replaced.set(sk, Math.max(replaced.get(sk) ?? 0, Number(version)));
  }
}

async function rowsOf(ledger: LevelLedger): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const row of queryAll(ledger, 'p', {}, { consistent: true })) rows.push(row);
  return rows;
}

/** Both replicas come to hold the same rows, and all that was answered is among them. */
async function expectIntact(): Promise<void> {
  const replicas = await Promise.all(ORIGINS.map((origin) => LevelLedger.open({ directory: join(directory, origin), clock, origin })));
  const replicator = await Replicator.start({ replicas, clock, delayMs: 0, onFailed: fail });
  for (let waiting = 1; waiting > 0; ) {
    waiting = (await replicator.lags()).reduce((sum, { rows }) => sum + rows, 0);
    await sleep(5);
  }
  const [ap = [], eu = []] = await Promise.all(replicas.map(rowsOf));
  await replicator.close();
  await Promise.all(replicas.map((ledger) => ledger.close()));
  expect(ap.length).toBe(eu.length);
  expect(ap.filter((row, at) => Buffer.compare(row.value, eu[at]!.value) !== 0 || row.sk !== eu[at]!.sk || row.version !== eu[at]!.version)).toEqual([]);
  const stored = new Map(ap.map((row) => [row.sk, row.version]));
  expect(inserted.size).toBeGreaterThan(0);
  expect([...inserted].filter((sk) => !stored.has(sk))).toEqual([]);
  expect([...replaced].filter(([sk, version]) => (stored.get(sk) ?? -1) < version)).toEqual([]);
  expect([...notApplied].filter((name) => stored.has(name.split(' ')[1]!))).toEqual([]);
}

function fail(error: Error): never {
  throw error;
}

describe('replicas on LevelDB on this machine', () => {
  it('have everything that was answered, and come to agree, after kills at random moments', async () => {
    for (let round = 0; round < 5; round++) {
      const child = Writing.start({ writers: 4, valueBytes: 300 });
      await child.until(() => child.answers > 0);
      await sleep(Math.random() * 200);
      await child.kill();
      await expectIntact();
    }
  }, 30_000);

  it('refuse writes while files may not grow, answer for nothing that is not there, and go on when they may again', async () => {
    const child = Writing.start({ writers: 3, valueBytes: 3_000, fileKiB: 256 });
    await child.until(() => child.refused.length > 3);
    child.limitFiles(0);
    await child.untilSilent();
    const { answers } = child;
    const refused = child.refused.length;
    await sleep(500);
    expect(child.answers).toBe(answers);
    expect(child.refused.length).toBeGreaterThan(refused);
    expect([...new Set(child.refused)].sort()).toEqual(['ledger_ambiguous', 'ledger_unavailable']);
    child.limitFiles('unlimited');
    await child.until(() => child.answers > answers + 500);
    await child.kill();
    await expectIntact();
  }, 30_000);

  it('say so when another process has the directory open', async () => {
    const child = Writing.start({ writers: 1, valueBytes: 10 });
    await child.until(() => child.answers > 0);
    const second = LevelLedger.open({ directory: join(directory, 'eu'), clock, origin: 'eu' });
    await expect(second).rejects.toMatchObject({ code: 'ledger_unavailable', message: expect.stringContaining('another process has it open') as string });
    await child.kill();
  }, 30_000);
});
