/**
 * `freshness`: from the 202 of an event to when a reader of the same region sees it in the live total, and to when the
 * answer is final with the event in. Single events that are followed, under a load of others: `meridian dev` (three regions,
 * embedded stores, one process) at 1,000 and 10,000 events a second; the real stack (one region, every service a process)
 * at what DynamoDB Local takes.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachLimited } from '@meridian/pipeline';
import { systemClock } from '@meridian/system';
import { withServices, REGION } from './parts';
import { percentiles } from './query';
import { round, type BenchOptions, type BenchResult } from './result';
import { MODEL, PROVIDER, SOURCE } from './sample';

const RATES = [1_000, 10_000];
const STACK_RATE = 50;
const REGIONS = 'us-east-1,eu-west-1,ap-southeast-1';
const TENANT = 'bench';
/** A batch of the load, and between two events that are followed, ms. */
const BATCH = 100;
const FOLLOW_EVERY_MS = 200;
const POLL_MS = 20;
/** An event that is not final by then is told as such. */
const FOLLOW_MS_MAX = 30_000;
const START_MS_MAX = 60_000;
/** Requests of the load that wait for their answer. */
const LOAD_REQUESTS_MAX = 64;
const CLI = join(__dirname, '../../apps/cli/bin/meridian.js');

interface Target {
  readonly ingest: readonly string[];
  /** Of the region of the first ingest. */
  readonly reconciliation: string;
  readonly key: string;
}

export async function freshness({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const each = seconds / (RATES.length + 1);
  const runs: object[] = [];
  for (const rate of RATES) {
    progress(`freshness: embedded, ${rate} events/s`);
    runs.push({ on: 'embedded stores, three regions, one process', ...(await withDev((target) => measure(target, rate, each))) });
  }
  progress(`freshness: the real stack, ${STACK_RATE} events/s`);
  runs.push({
    on: 'real stack, one region',
    ...(await withServices(({ ingest = {}, reconciliation = {}, key = '' }) =>
      measure({ ingest: Object.values(ingest), reconciliation: reconciliation[REGION] ?? '', key }, STACK_RATE, each))),
  });
  return { bench: 'freshness', figures: { runs }, targets: [] };
}

/** `meridian dev` in a directory of its own, killed and removed at the end. */
async function withDev<T>(use: (target: Target) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
  const child = spawn(process.execPath, [CLI, 'dev', '--data', join(directory, 'data'), '--port', '0', '--regions', REGIONS, '--json'], { stdio: 'ignore' });
  try {
    const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(directory, 'data', name), 'utf8'));
    const until = performance.now() + START_MS_MAX;
    while (!(await read('meridian.json').then(() => true, () => false))) {
      if (performance.now() > until || child.exitCode !== null) throw new RangeError('meridian dev did not start');
      await systemClock.sleep(POLL_MS);
    }
    const { regions } = (await read('meridian.json')) as { readonly regions: Readonly<Record<string, { readonly ingest: string; readonly reconciliation: string }>> };
    const { platform } = (await read('keys.json')) as { readonly platform: string };
    const urls = Object.values(regions);
    return await use({ ingest: urls.map(({ ingest }) => ingest), reconciliation: urls[0]?.reconciliation ?? '', key: platform });
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The load all the while; the events that are followed, one after the other until the time is over. */
async function measure(target: Target, rate: number, seconds: number): Promise<object> {
  const stopping = new AbortController();
  const load = offer(target, rate, stopping.signal);
  const [visible, final]: [number[], number[]] = [[], []];
  let unfinished = 0;
  const following: Promise<void>[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let number = 0; performance.now() < until; number++) {
    following.push(follow(target, number, { visible, final }).catch(() => {
      unfinished++;
    }));
    await systemClock.sleep(FOLLOW_EVERY_MS);
  }
  await Promise.all(following);
  stopping.abort();
  const accepted = await load;
  return {
    offeredPerSecond: rate, acceptedPerSecond: round(accepted), followed: following.length, unfinished,
    live: percentiles(visible), final: percentiles(final),
  };
}

async function follow(target: Target, number: number, { visible, final }: { readonly visible: number[]; readonly final: number[] }): Promise<void> {
  const session = `followed-${process.pid}-${number}`;
  await post(target, 0, [event(session, session)]);
  const accepted = performance.now();
  const url = `${target.reconciliation}/v1/tenants/${TENANT}/sessions/${session}?live=true`;
  let isVisible = false;
  while (performance.now() - accepted < FOLLOW_MS_MAX) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${target.key}` } });
    const answer = (await response.json()) as { readonly events?: number; readonly status?: unknown; readonly live?: { readonly events: number } };
    if (!isVisible && (answer.live?.events ?? 0) > 0) {
      visible.push(performance.now() - accepted);
      isVisible = true;
    }
    if (response.ok && answer.status === 'final' && (answer.events ?? 0) > 0) {
      final.push(performance.now() - accepted);
      return;
    }
    await systemClock.sleep(POLL_MS);
  }
  throw new RangeError(`${session} was not final within ${FOLLOW_MS_MAX} ms`);
}

/** Sends `rate` events a second, as far as they are answered; how many were accepted per second. */
async function offer(target: Target, rate: number, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const batch = Math.min(BATCH, rate);
  let accepted = 0;
  function* numbers(): Generator<number> {
    for (let number = 0; !signal.aborted; number++) yield number;
  }
  await eachLimited(numbers(), Math.min(LOAD_REQUESTS_MAX, rate / batch), async (number) => {
    await systemClock.sleep(began + ((number * batch) / rate) * 1_000 - performance.now(), signal);
    if (signal.aborted) return;
    const events = Array.from({ length: batch }, (_, at) => event(`load-${(number * batch + at) >> 1}`, `${number}-${at}`));
    if (await post(target, number, events)) accepted += batch;
  });
  return accepted / ((performance.now() - began) / 1_000);
}

async function post({ ingest, key }: Target, number: number, events: readonly object[]): Promise<boolean> {
  const response = await fetch(`${ingest[number % ingest.length]}/v1/events`, {
    method: 'POST', body: JSON.stringify(events),
    headers: { authorization: `Bearer ${key}`, 'meridian-tenant': TENANT, 'content-type': 'application/cloudevents-batch+json' },
  });
  await response.arrayBuffer();
  return response.status === 202;
}

function event(session: string, id: string): object {
  return {
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id, subject: session, time: new Date().toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens: { input: 700, cacheRead: 512, output: 100 } },
  };
}
