/**
 * The two files by which `meridian … --data DIRECTORY` finds a stack, in the format of the command line's own data
 * directory: `keys.json` (mode 0600) and, while services run, `meridian.json`.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keys } from './setup';

export interface Running {
  /** Runs as long as the stack. */
  readonly pid: number;
  readonly regions: Readonly<Record<string, { readonly ingest: string; readonly aggregator: string; readonly reconciliation: string }>>;
}

export async function readKeys(directory: string): Promise<Keys | undefined> {
  const text = await readFile(join(directory, 'keys.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Keys);
}

export function writeKeys(directory: string, keys: Keys): Promise<void> {
  return write(join(directory, 'keys.json'), keys);
}

export function writeRunning(directory: string, running: Running): Promise<void> {
  return write(join(directory, 'meridian.json'), running);
}

export function removeRunning(directory: string): Promise<void> {
  return rm(join(directory, 'meridian.json'), { force: true });
}

async function write(file: string, value: object): Promise<void> {
  await writeFile(`${file}.draft`, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.draft`, file);
}
