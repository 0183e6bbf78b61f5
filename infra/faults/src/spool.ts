/**
 * A publisher whose disk is full: its spool is a small file system, and no ingest answers until it is. Killed while it is
 * full, started again with room: what `publish` had resolved for, and what was refused and published again, counts once.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Proxy } from '@meridian/local';
import { TENANTS } from './api';
import { FaultsError } from './errors';
import { eventually, type Fault, type World } from './fault';
import type { Said, SpoolPublisherOptions } from './spool-publisher';

const SIZE = '1m';
const ROOM = '64m';
/** So long events get through before ingests fall silent. */
const BEFORE_MS = 2_000;
const FULL_WITHIN_MS = 60_000;
const REFUSED_LEAST = 100;
/** Of a spool that is full of events and not just of others' data. */
const SPOOL_BYTES_LEAST = 700_000;
const FINISHED_WITHIN_MS = 90_000;
/** Built: it is a process of its own. */
const PUBLISHER = join(__dirname, '..', 'dist', 'spool-publisher.js');
const run = promisify(execFile);

class Child {
  said: Said = { published: 0, refused: 0 };
  private readonly ended: Promise<number | null>;
  private errors = '';

  private constructor(private readonly child: ChildProcess) {
    this.ended = new Promise((done) => child.once('close', done));
    child.stderr?.on('data', (text: Buffer) => (this.errors += text.toString()));
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => (this.said = JSON.parse(line) as Said));
  }

  static start(options: SpoolPublisherOptions): Child {
    return new Child(spawn(process.execPath, [PUBLISHER, JSON.stringify(options)], { stdio: 'pipe' }));
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Rejects when it ends. */
  async ending(): Promise<never> {
    throw this.failed(await this.ended);
  }

  /** Rejects unless it ends well in time. */
  async finished(withinMs: number): Promise<void> {
    const ended = await Promise.race([this.ended, sleep(withinMs, 'too late' as const, { ref: false })]);
    if (ended !== 0) throw this.failed(ended);
  }

  private failed(how: unknown): FaultsError {
    return new FaultsError('faults_not_as_expected', `the publisher ended (${String(how)}): ${this.errors.slice(-1_000)}`);
  }
}

interface Standing {
  readonly options: SpoolPublisherOptions;
  readonly proxies: readonly Proxy[];
  child: Child | undefined;
}

export function spoolFault(): Fault {
  let standing: Standing | undefined;
  let round = 0;
  const remove = async (): Promise<void> => {
    const gone = standing;
    standing = undefined;
    if (!gone) return;
    await gone.child?.kill();
    await Promise.all(gone.proxies.map((proxy) => proxy.close()));
    await run('umount', ['--lazy', gone.options.spool]);
  };
  return {
    name: 'spool-full',
    what: `no ingest answers a publisher until its spool (a tmpfs of ${SIZE}) is full; it is killed then and started with room`,
    async inject(world) {
      const { atEnd, say } = world;
      standing = await stand(world, `spool-${++round}`);
      atEnd(remove);
      const { options, proxies } = standing;
      const child = (standing.child = Child.start(options));
      await sleep(BEFORE_MS);
      for (const proxy of proxies) proxy.set({ kind: 'blackhole' });
      const full = eventually(`${REFUSED_LEAST} events were refused, for there is no room`, FULL_WITHIN_MS, async () => child.said.refused >= REFUSED_LEAST);
      await Promise.race([full, child.ending()]);
      await child.kill();
      const bytes = await bytesIn(options.spool);
      say(`spool-full: killed with ${bytes} bytes in the spool, ${child.said.published} events published, ${child.said.refused} refused`);
      if (bytes < SPOOL_BYTES_LEAST) throw new FaultsError('faults_not_as_expected', `the spool has ${bytes} bytes of ${SIZE} only, and refused`);
    },
    async heal() {
      if (!standing) return;
      const { options, proxies } = standing;
      await standing.child?.kill();
      await run('mount', ['-o', `remount,size=${ROOM}`, options.spool]);
      for (const proxy of proxies) proxy.set({ kind: 'none' });
      standing.child = Child.start({ ...options, isToFinish: true });
      await standing.child.finished(FINISHED_WITHIN_MS);
      await remove();
    },
  };
}

/** The file system, and a proxy before every region's ingest, nearest first by chance. */
async function stand({ directory, random, regions, urls, api, load }: World, name: string): Promise<Standing> {
  const spool = join(directory, name);
  await mkdir(spool);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', spool]).catch((cause: unknown) => {
    throw new FaultsError('faults_not_possible', 'spool-full needs a small file system: mounting one (tmpfs) needs root', { cause });
  });
  const targets = random.shuffled(regions).map((region) => Number(new URL(urls.ingest[region] ?? '').port));
  const proxies = await Promise.all(targets.map((targetPort) => Proxy.listen({ targetPort, port: 0 })));
  const endpoints = proxies.map(({ port }) => `http://127.0.0.1:${port}`);
  return { proxies, child: undefined, options: { name, directory: load.directory, spool, endpoints, key: urls.key, tenant: random.pick(TENANTS), time: api.time, seed: random.between(0, 2 ** 30), isToFinish: false } };
}

async function bytesIn(directory: string): Promise<number> {
  const sizes = await Promise.all((await readdir(directory)).map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}
