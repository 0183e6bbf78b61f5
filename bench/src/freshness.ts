/**
 * `freshness`: from the 202 of an event to when a reader of the same region sees it in the live total, to when a cut has it,
 * and to when the answer is final with the event in. Single events that are followed, under a load of others: `meridian dev`
 * (three regions, embedded stores, one process) at 1,000 and 10,000 events a second; the real stack (one region, every
 * service a process) at what DynamoDB Local takes, whose writes are counted in the same run.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachLimited } from '@meridian/pipeline';
import { systemClock } from '@meridian/system';
import { FOLLOW_MS_MAX, Follower, post, usageOf, type Followed, type Installation } from './follow';
import { countWrites, KAFKA, REGION, withServices } from './parts';
import { percentiles } from './percentiles';
import { round, type BenchOptions, type BenchResult } from './result';

const RATES = [1_000, 10_000];
const STACK_RATE = 50;
const REGIONS = 'us-east-1,eu-west-1,ap-southeast-1';
/** A batch of the load, and between two events that are followed, ms. */
const BATCH = 100;
const FOLLOW_EVERY_MS = 200;
const POLL_MS = 20;
const START_MS_MAX = 60_000;
/** Requests of the load that wait for their answer. */
const LOAD_REQUESTS_MAX = 64;
const CLI = join(__dirname, '../../apps/cli/bin/meridian.js');

/** Of `meridian dev` and of the local stack, not by default: there 20 s, for a log of little traffic. */
const SAMPLE_INTERVAL_MS = 1_000;

export async function freshness({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const each = seconds / (RATES.length + 1);
  const runs: object[] = [];
  for (const rate of RATES) {
    progress(`freshness: embedded, ${rate} events/s`);
    runs.push({ on: 'embedded stores, three regions, one process', ...(await withDev((at) => measure(at, rate, each))) });
  }
  progress(`freshness: the real stack, ${STACK_RATE} events/s`);
  const { run, writesPerSecond } = await withServices(async ({ ingest = {}, reconciliation = {}, dynamodb, key = '' }) => ({
    run: await measure({ ingest: Object.values(ingest), reconciliation: reconciliation[REGION] ?? '', key }, STACK_RATE, each),
    writesPerSecond: round(await countWrites(dynamodb[REGION] ?? '')),
  }));
  runs.push({ on: 'real stack, one region', ...run });
  return {
    bench: 'freshness',
    conditions: {
      stores: `embedded: LevelDB, three regions, one process; real stack: ${KAFKA}, and DynamoDB Local, one region`,
      settings: { MERIDIAN_SAMPLE_INTERVAL_MS: SAMPLE_INTERVAL_MS, 'embedded: ms between steps of reconciliation (500)': 200, 'real stack: MERIDIAN_SAMPLE_STALE_MS': 15_000 },
    },
    figures: { sampleIntervalMs: SAMPLE_INTERVAL_MS, dynamodbLocalWritesPerSecond: writesPerSecond, runs },
    targets: [{ name: 'events/s at which the real stack was measured', is: run.acceptedPerSecond, atLeast: Math.max(...RATES) }],
  };
}

/** `meridian dev` in a directory of its own, killed and removed at the end. */
async function withDev<T>(use: (at: Installation) => Promise<T>): Promise<T> {
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

interface Run {
  readonly offeredPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly followed: number;
  readonly [figure: string]: unknown;
}

/** The load all the while; the events that are followed, one after the other until the time is over. */
async function measure(at: Installation, rate: number, seconds: number): Promise<Run> {
  const stopping = new AbortController();
  const load = offer(at, rate, stopping.signal);
  const follower = new Follower(at);
  const following: Promise<Followed | undefined>[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let number = 0; performance.now() < until; number++) {
    following.push(follower.follow(number));
    await systemClock.sleep(FOLLOW_EVERY_MS);
  }
  const followed = (await Promise.all(following)).filter((one) => one !== undefined);
  await follower.close();
  stopping.abort();
  const accepted = await load;
  const timesOf = (pick: (one: Followed) => number): object => percentiles(followed.map(pick), FOLLOW_MS_MAX);
  return {
    offeredPerSecond: rate, acceptedPerSecond: round(accepted), followed: followed.length, refused: follower.refused, errors: follower.errors,
    unfinished: followed.filter(({ final }) => final === Infinity).length, live: timesOf(({ live }) => live), inCut: timesOf(({ inCut }) => inCut), final: timesOf(({ final }) => final),
  };
}

/** Sends `rate` events a second, as far as they are answered; how many were accepted per second. */
async function offer(at: Installation, rate: number, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const batch = Math.min(BATCH, rate);
  let accepted = 0;
  function* numbers(): Generator<number> {
    for (let number = 0; !signal.aborted; number++) yield number;
  }
  await eachLimited(numbers(), Math.min(LOAD_REQUESTS_MAX, rate / batch), async (number) => {
    await systemClock.sleep(began + ((number * batch) / rate) * 1_000 - performance.now(), signal);
    if (signal.aborted) return;
    const events = Array.from({ length: batch }, (_, place) => usageOf(`load-${(number * batch + place) >> 1}`, `${number}-${place}`));
    const { body } = await post(at, number, events);
    accepted += (body as { readonly accepted?: number }).accepted ?? 0;
  });
  return accepted / ((performance.now() - began) / 1_000);
}
