/** A broker whose disk is full: its data lies on a small file system of its own, which another file fills. */
import { execFile } from 'node:child_process';
import { mkdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FaultsError } from './errors';
import { eventually, type Fault, type World } from './fault';

const SIZE = '512m';
const FULL_MS = 15_000;
/** From then on; a broker that is asked to write says so at once, or ends. */
const SAYS_WITHIN_MS = 30_000;
const NO_SPACE = /No space left on device/;
const BALLAST = 'ballast';
/** Written at a time, bytes. */
const PIECE = 1_048_576;
const TIMEOUT_MS = 60_000;
const run = promisify(execFile);

async function command(name: string, ...args: readonly string[]): Promise<void> {
  await run(name, [...args], { timeout: TIMEOUT_MS });
}

/** Copies with holes kept: Kafka's index files are mostly that. */
function copy(from: string, to: string): Promise<void> {
  return command('cp', '-a', '--sparse=always', `${from}/.`, to);
}

/** Until nothing more fits. */
async function fill(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const file = join(directory, BALLAST);
  for (let left = bavail * bsize; left > 0; left -= PIECE) {
    const isFull = await writeFile(file, Buffer.alloc(Math.min(PIECE, left)), { flag: 'a' }).then(() => false, () => true);
    if (isFull) return;
  }
}

/** The directory is a file system of its own from now on, with the same files in it. */
async function moveToSmall(data: string): Promise<void> {
  await rename(data, `${data}.aside`);
  await mkdir(data);
  await command('mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', data).catch(async (cause: unknown) => {
    await rm(data, { recursive: true });
    await rename(`${data}.aside`, data);
    throw new FaultsError('faults_not_possible', 'disk-full needs a small file system: mounting one (tmpfs) needs root', { cause });
  });
  await copy(`${data}.aside`, data);
  await rm(`${data}.aside`, { recursive: true });
}

export function diskFault(): Fault {
  let broker: string | undefined;
  let data = '';
  let isMounted = false;
  /** The data as it is now, on the ordinary disk again. The broker is down. */
  const unmount = async (): Promise<void> => {
    if (!isMounted) return;
    await rm(join(data, BALLAST), { force: true });
    await mkdir(`${data}.back`);
    await copy(data, `${data}.back`);
    await command('umount', data);
    isMounted = false;
    await rm(data, { recursive: true });
    await rename(`${data}.back`, data);
  };
  return {
    name: 'disk-full',
    what: `a broker's disk (a tmpfs of ${SIZE}) is full for ${FULL_MS / 1_000} s; it is killed and started with room again`,
    async inject({ directory, processes, random, regions, say }: World) {
      const region = random.pick(regions);
      broker = `kafka/${region}`;
      data = join(directory, region, 'kafka', 'data');
      await processes.down(broker);
      await moveToSmall(data);
      isMounted = true;
      await processes.up(broker);
      const said = await processes.listen(broker);
      await fill(data);
      say(`the disk of ${broker} is full`);
      await sleep(FULL_MS);
      await eventually(`${broker} was refused a write`, SAYS_WITHIN_MS, async () => NO_SPACE.test(await said()));
    },
    async heal({ processes }: World) {
      if (broker === undefined) return;
      await processes.down(broker);
      await unmount();
      await processes.up(broker);
    },
  };
}
