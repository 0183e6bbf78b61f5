/**
 * `accept`: HTTP ingest into the embedded log, batches of 100: the very service, a process of its own, everything on.
 * The ceiling is Fastify + `JSON.parse` + 202, another process, under the same load, in turns.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKey } from '@meridian/http';
import { LevelLedger } from '@meridian/ledger-level';
import { nodeHash, systemClock } from '@meridian/system';
import { startBareServer } from './bare-server';
import { runLoad, type Load, type LoadAnswer } from './load';
import { round, type BenchOptions, type BenchResult } from './result';
import { median } from './rounds';
import { MODEL, PROVIDER, sampleEvents, SOURCE, TENANT } from './sample';
import { cpuSeconds, startService, type Service } from './services';

const BATCH = 100;
/** Enough that the group commit of the log has something to group. */
const CONNECTIONS = 64;
const ROUNDS = 5;
const RATIO_MIN = 0.3;

export async function accept({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
  const services: Service[] = [];
  try {
    const key = await makeKey(join(directory, 'ledger'));
    services.push(await startIngest(directory), await startBareServer());
    const [ingestService, bareService] = services as [Service, Service];
    const load = { headers: batchHeaders(key), bodies: batches(BATCH), connections: CONNECTIONS, seconds: Math.max(1, seconds / (2 * ROUNDS)) };
    const turns = { ingest: [] as Turn[], bare: [] as Turn[] };
    for (let number = 0; number <= ROUNDS; number++) {
      progress(`accept: round ${number} of ${ROUNDS}`);
      const [bare, ingest] = [await post(load, bareService), await post(load, ingestService)];
      // The first round warms up.
      if (number === 0) continue;
      turns.bare.push(bare);
      turns.ingest.push(ingest);
    }
    return report(turns);
  } finally {
    for (const { child } of services) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

function report({ ingest, bare }: { readonly ingest: readonly Turn[]; readonly bare: readonly Turn[] }): BenchResult {
  const rate = ({ requests, seconds }: Turn): number => (requests * BATCH) / seconds;
  const cpu = (turns: readonly Turn[]): number => median(turns.map(({ cpuSeconds: taken, requests }) => (taken / (requests * BATCH)) * 1e6));
  const ratio = round(median(ingest.map((one, at) => rate(one) / rate(bare[at] as Turn))), 3);
  const figures = (turns: readonly Turn[]): Record<string, number> => ({
    eventsPerSecond: round(median(turns.map(rate))), p50Ms: round(median(turns.map((one) => one.p50)), 2), p99Ms: round(median(turns.map((one) => one.p99)), 2),
    cpuMicrosPerEvent: round(cpu(turns), 1),
  });
  return {
    bench: 'accept',
    conditions: { stores: 'LevelDB', settings: {} },
    figures: {
      batch: BATCH, connections: CONNECTIONS, ingest: figures(ingest), ceiling: figures(bare), ratio,
      // By CPU time, LevelDB's own threads included: what others do on the machine changes it least.
      ratioOfCpu: round(cpu(bare) / cpu(ingest), 3),
    },
    targets: [{ name: 'ratio to Fastify + JSON.parse + 202', is: ratio, atLeast: RATIO_MIN }],
  };
}

interface Turn extends LoadAnswer {
  readonly cpuSeconds: number;
}

async function post(load: Omit<Load, 'urls'>, { url, child }: Service): Promise<Turn> {
  const before = await cpuSeconds(child);
  const answer = await runLoad({ ...load, urls: [`${url}/v1/events`] });
  return { ...answer, cpuSeconds: (await cpuSeconds(child)) - before };
}

export function batchHeaders(key: string): Record<string, string> {
  return { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${key}` };
}

/** The sample as bodies of `size` events each. */
export function batches(size: number): string[] {
  const events = sampleEvents().map(({ id, session, time, tokens }) => ({
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id, subject: session, time: new Date(time).toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens },
  }));
  return Array.from({ length: Math.floor(events.length / size) }, (_, at) => JSON.stringify(events.slice(at * size, (at + 1) * size)));
}

/** In a ledger of LevelDB that nobody has open. */
export async function makeKey(directory: string): Promise<string> {
  const ledger = await LevelLedger.open({ directory, clock: systemClock });
  const key = await createApiKey(ledger, nodeHash, { tenant: TENANT, scopes: ['ingest'], clock: systemClock, randomBytes });
  await ledger.close();
  return key;
}

function startIngest(directory: string): Promise<Service> {
  const at = (name: string): string => `level:${join(directory, name)}`;
  return startService('ingest', { MERIDIAN_REGION: 'bench', MERIDIAN_LEDGER: at('ledger'), MERIDIAN_CONTROL: at('control'), MERIDIAN_EVENT_LOG: at('log') });
}
