/** The publisher against the machine: processes killed at random moments, disks that are full. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepting, eventOf, FakeIngest, type Answering } from './ingest.fixture';
import { Publisher } from './publisher';

const ROOT = resolve(__dirname, '../../..');
/** Lets a child run the sources, as jest does. */
const RUN_SOURCE = `
  const { transformFileSync } = require('@swc/core');
  const [, config] = require('./jest.preset.js').transform['^.+\\\\.ts$'];
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, config).code, file);
  process.argv.splice(1, 0, ${JSON.stringify(join(__dirname, 'publishing.child.ts'))});
  require(process.argv[1]);
`;
const overloaded: Answering = () => ({ status: 503, body: { code: 'overloaded' } });
/** Some answers are lost, and what was accepted is sent again. */
const unreliable: Answering = (asked) => (Math.random() < 0.2 ? overloaded(asked) : accepting(asked));

let directory: string;
let spool: string;
let ingest: FakeIngest;
const children = new Set<Publishing>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'publisher-'));
  spool = join(directory, 'spool');
  await mkdir(spool);
  ingest = await FakeIngest.start();
});
afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  await ingest.stop();
  await rm(directory, { recursive: true, force: true });
});

class Publishing {
  readonly published: string[] = [];
  readonly refused: { readonly id: string; readonly code: string }[] = [];
  private readonly exited: Promise<unknown>;
  private readonly errors: string[] = [];

  private constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((done) => child.once('close', done));
    child.stderr?.on('data', (text: Buffer) => this.errors.push(text.toString()));
    children.add(this);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const [what, id = '', code = ''] = line.split(' ');
      if (what === 'ok') this.published.push(id);
      if (what === 'no') this.refused.push({ id, code });
    });
  }

  /** `within`: a command that runs what follows it. */
  static start(concurrent: number, textBytes: number, within: readonly string[] = []): Publishing {
    const [command = '', ...args] = [...within, process.execPath, '-C', '@meridian/source', '-e', RUN_SOURCE, '--', spool, ingest.url, concurrent, textBytes].map(String);
    return new Publishing(spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null) throw new TypeError(`the child ended by itself: ${this.errors.join('')}`);
      await sleep(2);
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    children.delete(this);
  }
}

/** What is left in the spool reaches the ingest. */
async function sendRest(): Promise<void> {
  ingest.answering = accepting;
  const publisher = await Publisher.open({ endpoints: [ingest.url], key: 'mk_test', spool });
  await publisher.drained();
  await publisher.close();
}

describe('a publisher that is killed', () => {
  it('loses nothing for which publish() resolved, at whatever moment', async () => {
    const published: string[] = [];
    for (let kill = 0; kill < 8; kill++) {
      ingest.answering = kill % 3 === 0 ? overloaded : unreliable;
      const child = Publishing.start(1 + kill * 5, kill * 200);
      await child.until(() => child.published.length > 0);
      await sleep(Math.random() * 150);
      await child.kill();
      expect(child.refused).toEqual([]);
      published.push(...child.published);
    }
    await sendRest();
    const accepted = new Set(ingest.accepted);
    expect(published.length).toBeGreaterThan(100);
    expect(published.filter((id) => !accepted.has(id))).toEqual([]);
  }, 60_000);
});

const isRoot = process.getuid?.() === 0;

/** As two containers on one volume: neither sees the other's processes. Without root no test can make a namespace. */
(isRoot ? describe : describe.skip)('a publisher of another PID namespace', () => {
  const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

  it('is refused the spool while its owner lives, and has all of it afterwards', async () => {
    ingest.answering = overloaded;
    const owner = Publishing.start(3, 100, CONTAINER);
    await owner.until(() => owner.published.length > 0);
    const options = { endpoints: [ingest.url], key: 'mk_test', spool };
    await expect(Publisher.open(options)).rejects.toMatchObject({ code: 'spool_in_use', field: 'spool' });
    const other = Publishing.start(1, 100, CONTAINER);
    await expect(other.until(() => other.published.length > 0)).rejects.toThrow('spool_in_use');
    const before = owner.published.length;
    await owner.until(() => owner.published.length > before + 20);
    await owner.kill();
    await sendRest();
    expect(owner.refused).toEqual([]);
    expect(owner.published.filter((id) => !ingest.accepted.includes(id))).toEqual([]);
  }, 30_000);
});

/** A file system of 1 MiB. Without root no test can make one: then that of the size limit is all there is. */
(isRoot ? describe : describe.skip)('a publisher on a full disk', () => {
  beforeEach(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', spool]));
  afterEach(() => execFileSync('umount', ['--lazy', spool]));

  it('refuses, goes on when there is room, and sends exactly what it has taken, also when it is killed while full', async () => {
    ingest.answering = overloaded;
    const full = Publishing.start(20, 500);
    await full.until(() => full.refused.length > 50);
    await full.kill();
    // Full when it starts, and all the while that it sends what it has.
    const again = Publishing.start(5, 500);
    await again.until(() => again.refused.length > 20);
    ingest.answering = unreliable;
    const before = again.published.length;
    await again.until(() => again.published.length > before + 500);
    await again.kill();
    await sendRest();
    const accepted = new Set(ingest.accepted);
    const [published, refused] = [[...full.published, ...again.published], [...full.refused, ...again.refused]];
    expect(published.filter((id) => !accepted.has(id))).toEqual([]);
    expect(refused.filter(({ id }) => accepted.has(id))).toEqual([]);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['spool_full']));
  }, 60_000);

  it('has all of the room again when it has sent what filled it', async () => {
    ingest.answering = overloaded;
    const publisher = await Publisher.open({ endpoints: [ingest.url], key: 'k', spool });
    const publish = async (round: number): Promise<number> => {
      const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => publisher.publish(eventOf(`${round}-${at}`, { text: 'x'.repeat(500) }))));
      return outcomes.filter(({ status }) => status === 'fulfilled').length;
    };
    let rounds = 0;
    while ((await publish(rounds)) > 0) rounds++;
    ingest.answering = accepting;
    await publisher.drained();
    for (let round = 0; round < rounds; round++) {
      expect(await publish(1_000 + round)).toBe(100);
      await publisher.drained();
    }
    await publisher.close();
  }, 30_000);

  it('opens, sends and notes rejections although others fill the disk', async () => {
    ingest.answering = overloaded;
    const first = Publishing.start(1, 100);
    await first.until(() => first.published.length > 10);
    await first.kill();
    await writeFile(join(spool, 'ballast'), Buffer.alloc(2_000_000)).catch(() => undefined);
    const [bad = ''] = first.published;
    ingest.answering = ({ events }) => ({ status: 202, body: { results: events.map(({ id }) => ({ status: id === bad ? 'rejected' : 'accepted' })) } });
    const troubles: string[] = [];
    const rejected: string[] = [];
    const publisher = await Publisher.open({ endpoints: [ingest.url], key: 'k', spool, onTrouble: ({ code }) => troubles.push(code), onRejected: ({ id }) => rejected.push(id) });
    while (troubles.length === 0) await sleep(5);
    // Where it was written beside there is no room: it has not left the spool.
    expect([rejected, troubles]).toEqual([[], ['spool_full']]);
    await rm(join(spool, 'ballast'));
    await publisher.drained();
    expect(rejected).toEqual([bad]);
    expect(first.published.filter((id) => !ingest.accepted.includes(id))).toEqual([bad]);
    await publisher.close();
  }, 30_000);
});
