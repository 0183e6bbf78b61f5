/**
 * How the harness tells processes that run already what to do to their requests to DynamoDB: a file, of which each learns
 * within `LOOK_EVERY_MS`. Neighbour: `dynamodb-preload.ts` is the other end.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Order } from './dynamodb-trouble';
import { preloading } from './preload';

/** Environment variable with the directory of these files. */
export const DYNAMODB_VARIABLE = 'MERIDIAN_FAULTS_DYNAMODB';
export const ORDER = 'order.json';
/** Of a service's count, named after its process. */
export const TOUCHED_SUFFIX = '.touched';
export const LOOK_EVERY_MS = 100;

/** Of a stack in that directory. */
export function ordersIn(stackDirectory: string): string {
  return join(stackDirectory, 'orders');
}

/** Variables of all processes that are to listen. */
export async function listening(directory: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(directory, { recursive: true });
  return { [DYNAMODB_VARIABLE]: directory, NODE_OPTIONS: preloading('dynamodb-preload') };
}

/** Undefined: everything goes through again. */
export async function give(directory: string, order: Order | undefined): Promise<void> {
  const file = join(directory, ORDER);
  if (!order) {
    await rm(file, { force: true });
    return;
  }
  await writeFile(`${file}.draft`, JSON.stringify(order));
  await rename(`${file}.draft`, file);
}

/** Requests of services touched so far, by all orders. */
export async function touched(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(TOUCHED_SUFFIX));
  const counts = await Promise.all(names.map(async (name) => Number(await readFile(join(directory, name), 'utf8'))));
  return counts.reduce((sum, count) => sum + count, 0);
}
