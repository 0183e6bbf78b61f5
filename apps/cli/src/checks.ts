/** The checks of `meridian doctor`. Each answers; none throws; a check that fails says what to do. */
import { open, mkdir, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataDirectory, Running } from './data-directory';
import { portsUsed } from './embedded';
import { count } from './format';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
}

export interface CheckOptions {
  readonly data: DataDirectory;
  readonly port: number;
  readonly regions: number;
}

const NODE_MAJOR_MIN = 24;
const FREE_MIB_MIN = 512;
const SYNCS = 10;
/** Every acknowledgement waits for one: beyond this the log is slow. */
const SYNC_MS_MAX = 100;
const HEALTH_DEADLINE_MS = 2_000;
const CLOCK_WATCH_MS = 200;
const CLOCK_TOLERANCE_MS = 50;
/** The machine's clock was not set, when it says earlier than this. */
const CLOCK_FLOOR = Date.UTC(2026, 0, 1);

export async function runChecks({ data, port, regions }: CheckOptions): Promise<Check[]> {
  const running = await data.running().catch(() => undefined);
  return [
    nodeVersion(process.versions.node),
    await disk(data),
    await clock(),
    running ? await services(running) : await ports(port, regions),
    dataInUse(data, running),
  ];
}

export function nodeVersion(version: string): Check {
  const ok = Number(version.split('.')[0]) >= NODE_MAJOR_MIN;
  const detail = `Node ${version}`;
  return ok ? passed('node', detail) : failed('node', detail, `Use Node ${NODE_MAJOR_MIN} or newer: npm start and npx meridian bring their own.`);
}

/** Writable, with room, and fsync does return. */
async function disk(data: DataDirectory): Promise<Check> {
  const name = 'disk';
  const file = join(data.path, `doctor-${process.pid}`);
  try {
    await mkdir(data.path, { recursive: true });
    const handle = await open(file, 'w');
    const began = performance.now();
    try {
      for (let written = 0; written < SYNCS; written++) {
        await handle.write('meridian');
        await handle.sync();
      }
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    const syncMs = (performance.now() - began) / SYNCS;
    const { bavail, bsize } = await statfs(data.path);
    const freeMiB = Math.floor((bavail * bsize) / 2 ** 20);
    const detail = `${data.shown} is writable, fsync takes ${syncMs.toFixed(1)} ms, ${count(freeMiB)} MiB are free`;
    if (freeMiB < FREE_MIB_MIN) return failed(name, detail, `Free at least ${FREE_MIB_MIN} MiB, or name another directory with --data.`);
    if (syncMs > SYNC_MS_MAX) return failed(name, detail, 'Every acknowledgement waits for fsync: name a directory on a faster disk with --data.');
    return passed(name, detail);
  } catch (error) {
    return failed(name, `${data.shown} cannot be written: ${(error as Error).message}`, 'Make it writable, or name another directory with --data.');
  }
}

/** Set, and walking at the pace of the machine's own counter. */
async function clock(): Promise<Check> {
  const began = { wall: Date.now(), counter: performance.now() };
  await sleep(CLOCK_WATCH_MS);
  const astrayMs = Math.abs(Date.now() - began.wall - (performance.now() - began.counter));
  const detail = `${new Date(began.wall).toISOString()}, astray by ${astrayMs.toFixed(1)} ms in ${CLOCK_WATCH_MS} ms`;
  const ok = began.wall >= CLOCK_FLOOR && astrayMs <= CLOCK_TOLERANCE_MS;
  if (ok) return passed('clock', detail);
  return failed('clock', detail, 'Set the clock and let NTP keep it: events dated more than 35 days before or 5 minutes after it are quarantined.');
}

async function ports(port: number, regions: number): Promise<Check> {
  if (port === 0) return passed('ports', 'any free ones');
  const wanted = portsUsed(port, regions);
  const taken: number[] = [];
  for (const one of wanted) if (!(await isFree(one))) taken.push(one);
  if (taken.length === 0) return passed('ports', `${wanted.join(', ')} are free`);
  return failed('ports', `${taken.join(', ')} ${taken.length === 1 ? 'is' : 'are'} in use`, 'Stop what listens there, or choose others with --port.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function services({ regions }: Running): Promise<Check> {
  const all = Object.entries(regions).flatMap(([region, urls]) =>
    Object.entries(urls).map(([service, url]) => ({ name: `${service} of ${region}`, url: url as string })),
  );
  const answers = await Promise.all(all.map(async ({ name, url }) => ((await isReady(url)) ? undefined : `${name} (${url})`)));
  const silent = answers.filter((answer) => answer !== undefined);
  if (silent.length === 0) return passed('services', `${all.length} services are ready`);
  return failed(
    'services', `not ready: ${silent.join(', ')}`,
    'Look at the output of `meridian dev`, or stop it and start it again: nothing acknowledged is lost.',
  );
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(HEALTH_DEADLINE_MS) })).ok;
  } catch {
    // Whatever the reason: it is not ready.
    return false;
  }
}

function dataInUse(data: DataDirectory, running: Running | undefined): Check {
  return passed('running', running ? `Meridian runs on ${data.shown} (pid ${running.pid})` : `nothing runs on ${data.shown}: npx meridian dev starts it`);
}

function passed(name: string, detail: string): Check {
  return { name, ok: true, detail };
}

function failed(name: string, detail: string, fix: string): Check {
  return { name, ok: false, detail, fix };
}
