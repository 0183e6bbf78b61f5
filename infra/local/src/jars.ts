/**
 * The jars of a part, below `target/`: fetched by Maven when they are not there or `pom.xml` has changed. A folder
 * counts only with its stamp, which is written last.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StackError } from './errors';
import { findMaven } from './tools';

export type JavaPart = 'kafka' | 'dynamodb';

/** `infra/local`, from `src` and from `dist`. */
const HERE = resolve(__dirname, '..');
const STAMP = '.pom-sha256';
/** End of what Maven says, told when it fails, bytes. */
const TOLD_MAX = 4_000;

/** Folder with all jars of a part. `onFetch` is told before Maven is asked, which can take a minute. */
export async function jarsOf(part: JavaPart, onFetch: () => void): Promise<string> {
  const folder = join(HERE, 'target', part);
  const stamp = createHash('sha256').update(await readFile(join(HERE, 'pom.xml'))).digest('hex');
  if ((await readFile(join(folder, STAMP), 'utf8').catch(() => '')) === stamp) return folder;
  const maven = await findMaven();
  onFetch();
  await rm(folder, { recursive: true, force: true });
  await runMaven(maven, ['--batch-mode', '--quiet', 'dependency:copy-dependencies', '--activate-profiles', part]);
  await writeFile(join(folder, STAMP), stamp);
  return folder;
}

async function runMaven(maven: string, args: readonly string[]): Promise<void> {
  const child = spawn(maven, args, { cwd: HERE, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const take = (text: Buffer): void => {
    said = (said + text.toString()).slice(-TOLD_MAX);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const status = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  if (status !== 0) throw new StackError('stack_not_started', `Maven could not fetch the jars (it needs Maven Central once):\n${said}`);
}
