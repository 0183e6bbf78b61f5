/**
 * Processes that outlive the command that started them. One is ours when its command line holds the mark that we
 * started it with: a pid alone may by now belong to someone else.
 */
import { execFile, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StackError } from './errors';

const run = promisify(execFile);

export interface Started {
  readonly pid: number;
  readonly mark: string;
}

const LOOK_EVERY_MS = 50;
const KILL_WAIT_MS = 5_000;

export interface StartOptions {
  /** One of the arguments ends with it. */
  readonly mark: string;
  readonly logFile: string;
  readonly cwd: string;
  /** Beside our own variables; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts a process of its own session that writes to `logFile` only. */
export async function startDetached(command: string, args: readonly string[], options: StartOptions): Promise<Started> {
  const log = await open(options.logFile, 'a');
  try {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, detached: true, stdio: ['ignore', log.fd, log.fd] });
    await new Promise<void>((done, fail) => child.once('error', fail).once('spawn', done));
    child.unref();
    return { pid: child.pid as number, mark: options.mark };
  } catch (cause) {
    throw new StackError('stack_not_started', `${command} could not be started`, { cause });
  } finally {
    await log.close();
  }
}

/** Whether the process runs and is the one that was started. */
export async function isRunning({ pid, mark }: Started): Promise<boolean> {
  return (await commandLine(pid)).includes(mark);
}

/** Ends a process that is ours and leaves others alone: at once, or after `drainMs` at the latest. Resolves when it is gone. */
export async function stop(started: Started, drainMs = 0): Promise<void> {
  if (drainMs > 0) {
    if (!(await signal(started, 'SIGTERM'))) return;
    if (await isGone(started, drainMs)) return;
  }
  await signal(started, 'SIGKILL');
  if (!(await isGone(started, KILL_WAIT_MS))) throw new StackError('stack_not_stopped', `process ${started.pid} is still there after SIGKILL`);
}

async function signal(started: Started, name: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  if (!(await isRunning(started))) return false;
  try {
    return process.kill(started.pid, name);
  } catch {
    // It ended by itself just now.
    return false;
  }
}

async function isGone(started: Started, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (await isRunning(started)) {
    if (Date.now() >= until) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** Empty when there is no such process (or only its exit status is left). */
async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const { stdout } = await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout;
}
