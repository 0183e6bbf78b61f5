/** The built services as processes of a bench: started, waited for, their CPU time read, killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@meridian/system';

export type ServiceName = 'ingest' | 'aggregator' | 'reconciliation';

export interface Service {
  readonly url: string;
  readonly child: ChildProcess;
}

const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 20;
/** Of Linux, whatever the machine: USER_HZ. */
const TICKS_PER_SECOND = 100;
/** Places of utime and stime in /proc/PID/stat after the command's name. */
const [UTIME, STIME] = [11, 12];

/** Resolves when it is ready. `env` is what the service is configured by. */
export async function startService(name: ServiceName, env: Readonly<Record<string, string>>): Promise<Service> {
  const port = await freePort();
  const child = fork(join(__dirname, '../../apps', name, 'dist/main.js'), [], {
    env: { ...process.env, LOG_LEVEL: 'warn', ...env, MERIDIAN_PORT: String(port) },
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/health/ready`, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { url, child };
}

export async function untilReady(url: string, child?: ChildProcess): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until) {
    if (child && (child.exitCode !== null || child.signalCode !== null)) throw new RangeError(`the process at ${url} ended with ${child.exitCode ?? child.signalCode}`);
    if (await fetch(url).then((response) => response.ok, () => false)) return;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  throw new RangeError(`${url} did not answer`);
}

/** CPU time of a process so far, user and system, seconds; 0 where the machine does not say (only Linux does). */
export async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME] ?? 0) + Number(fields[STIME] ?? 0)) / TICKS_PER_SECOND;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address) resolve(address.port);
        else reject(new RangeError('no port'));
      });
    });
  });
}
