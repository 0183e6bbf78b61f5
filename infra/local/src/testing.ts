/**
 * Parts of the stack for one run of a test suite: in a directory and at ports of their own, gone after it. What a run
 * that was killed left behind, the next one removes: a directory is named after the process that made it.
 */
import { readdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { PartName } from './part';
import { Stack, type Status } from './stack';
import { isAlive } from './state';

export type TestStack = Pick<Status, 'kafka' | 'dynamodb'>;

/** Not below the repository's `data`, which is anyone's to remove. */
const DIRECTORY = join(tmpdir(), `meridian-stack-tests-${userInfo().username}`);
/** How specs are told where the parts are: `TestStack` as JSON. */
const VARIABLE = 'MERIDIAN_TEST_STACK';

let running: Stack | undefined;

/** For jest's `globalSetup`, once per project: what one asks for is added to what others have. Rejects, saying what to install, where the parts cannot run. */
export async function startForTests(parts: readonly PartName[], regions: readonly string[]): Promise<void> {
  await removeAbandoned();
  running ??= new Stack(join(DIRECTORY, `${process.pid}-${Date.now()}`));
  const { kafka, dynamodb } = await running.up({ parts, regions }).catch(async (error: unknown) => {
    // jest tears nothing down when it could not set up.
    await stopAfterTests();
    throw error;
  });
  const stack: TestStack = { kafka, dynamodb };
  process.env[VARIABLE] = JSON.stringify(stack);
}

/** For jest's `globalTeardown`. */
export async function stopAfterTests(): Promise<void> {
  await running?.reset();
  running = undefined;
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(DIRECTORY).catch(() => [])) {
    if (!isAlive(Number(name.split('-')[0]))) await new Stack(join(DIRECTORY, name)).reset();
  }
}
