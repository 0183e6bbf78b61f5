/** What runs, as a file in the stack's directory: written whole and renamed, so that it is never half there. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError } from './errors';
import type { Kind, Ports } from './part';

/** One process. Without `pid` it is stopped; ports are kept, so that it comes back at the same ones. */
export interface Member {
  readonly part: Kind;
  /** Empty for what is there once for all regions. */
  readonly region: string;
  /** From 1, where there are several in a region. */
  readonly instance?: number;
  readonly ports: Ports;
  readonly pid?: number;
  /** Digest of how it was started: what would be started otherwise now is started again. */
  readonly launch?: string;
}

export interface State {
  /** In the order in which they were asked for first. */
  readonly regions: readonly string[];
  readonly members: readonly Member[];
}

const FILE = 'stack.json';
const LOCK = 'lock';

export async function readState(directory: string): Promise<State> {
  const text = await readFile(join(directory, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return { regions: [], members: [] };
  try {
    return JSON.parse(text) as State;
  } catch (cause) {
    throw new StackError('stack_invalid', `${join(directory, FILE)} is not JSON`, { cause });
  }
}

export async function writeState(directory: string, state: State): Promise<void> {
  const file = join(directory, FILE);
  await mkdir(directory, { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** One command at a time per directory; a lock whose process is gone is taken over. */
export async function withLock<T>(directory: string, act: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, LOCK);
  const lock = (): Promise<void> => writeFile(file, String(process.pid), { flag: 'wx' });
  try {
    await lock().catch(async () => {
      const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
      if (isAlive(holder)) throw new StackError('stack_busy', `process ${holder} is at work on ${directory}`);
      await rm(file, { force: true });
      await lock();
    });
  } catch (cause) {
    if (cause instanceof StackError) throw cause;
    throw new StackError('stack_busy', `another process is at work on ${directory}`, { cause });
  }
  try {
    return await act();
  } finally {
    await rm(file, { force: true });
  }
}

export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** `aggregator/us-east-1/2`: what a process is called, and no two of a stack are. */
export function nameOf({ part, region, instance }: Pick<Member, 'part' | 'region' | 'instance'>): string {
  return [part, ...(region === '' ? [] : [region]), ...(instance === undefined ? [] : [instance])].join('/');
}
