/**
 * The directory of a run, named after its process: what a run that was killed left behind, its processes and mounts too,
 * the next one removes.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isAlive, Stack } from '@meridian/local';

const ALL = join(tmpdir(), `meridian-faults-${userInfo().username}`);
const run = promisify(execFile);

/** Of the stack, below a run's directory. */
export const STACK = 'stack';

export async function makeHome(): Promise<string> {
  for (const name of await readdir(ALL).catch(() => [])) if (!isAlive(Number(name.split('-')[0]))) await removeHome(join(ALL, name));
  const directory = join(ALL, `${process.pid}-${Date.now()}`);
  await mkdir(directory, { recursive: true });
  return directory;
}

export async function removeHome(directory: string): Promise<void> {
  await new Stack(join(directory, STACK)).down();
  for (const mount of await mountsBelow(directory)) await run('umount', ['--lazy', mount]);
  await rm(directory, { recursive: true, force: true });
}

async function mountsBelow(directory: string): Promise<string[]> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  return mounts.split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${directory}/`));
}
