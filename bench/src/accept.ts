/**
 * `accept`: HTTP ingest into the embedded log, batches of 100: the very service, a process of its own, everything on.
 * The ceiling is Fastify + `JSON.parse` + 202, another process, under the same load, in turns.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import { createApiKey } from '@meridian/http';
import { LevelLedger } from '@meridian/ledger-level';
import { nodeHash, systemClock } from '@meridian/system';
import { runLoad, type Load, type LoadAnswer } from './load';
import { round, type BenchOptions, type BenchResult } from './result';
import { median } from './rounds';
import { MODEL, PROVIDER, sampleEvents, SOURCE, TENANT } from './sample';

const BATCH = 100;
/** Enough that the group commit of the log has something to group. */
const CONNECTIONS = 64;
const ROUNDS = 5;
const RATIO_MIN = 0.3;
const INGEST = join(__dirname, '../../apps/ingest/dist/main.js');

export async function accept({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
  const children: ChildProcess[] = [];
  try {
    const [ingestPort, barePort] = [await freePort(), await freePort()];
    const key = await makeKey(join(directory, 'ledger'));
    children.push(startIngest(directory, ingestPort), fork(__filename, [String(barePort)]));
    await Promise.all([untilReady(`http://127.0.0.1:${ingestPort}/health/ready`), untilReady(`http://127.0.0.1:${barePort}/health/ready`)]);
    const load = {
      headers: { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${key}` },
      bodies: batches(), connections: CONNECTIONS, seconds: Math.max(1, seconds / (2 * ROUNDS)),
    };
    const turns = { ingest: [] as LoadAnswer[], bare: [] as LoadAnswer[] };
    for (let number = 0; number <= ROUNDS; number++) {
      progress(`accept: round ${number} of ${ROUNDS}`);
      const [bare, ingest] = [await post(load, barePort), await post(load, ingestPort)];
      // The first round warms up.
      if (number === 0) continue;
      turns.bare.push(bare);
      turns.ingest.push(ingest);
    }
    return report(turns);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

function report({ ingest, bare }: { readonly ingest: readonly LoadAnswer[]; readonly bare: readonly LoadAnswer[] }): BenchResult {
  const rate = ({ requests, seconds }: LoadAnswer): number => (requests * BATCH) / seconds;
  const ratio = round(median(ingest.map((one, at) => rate(one) / rate(bare[at] as LoadAnswer))), 3);
  const figures = (answers: readonly LoadAnswer[]): Record<string, number> => ({
    eventsPerSecond: round(median(answers.map(rate))), p50Ms: round(median(answers.map((one) => one.p50)), 2), p99Ms: round(median(answers.map((one) => one.p99)), 2),
  });
  return {
    bench: 'accept',
    figures: { batch: BATCH, connections: CONNECTIONS, ingest: figures(ingest), ceiling: figures(bare), ratio },
    targets: [{ name: 'ratio to Fastify + JSON.parse + 202', is: ratio, atLeast: RATIO_MIN }],
  };
}

function post(load: Omit<Load, 'url'>, port: number): Promise<LoadAnswer> {
  return runLoad({ ...load, url: `http://127.0.0.1:${port}/v1/events` });
}

function batches(): string[] {
  const events = sampleEvents().map(({ id, session, time, tokens }) => ({
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id, subject: session, time: new Date(time).toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens },
  }));
  return Array.from({ length: Math.floor(events.length / BATCH) }, (_, at) => JSON.stringify(events.slice(at * BATCH, (at + 1) * BATCH)));
}

async function makeKey(directory: string): Promise<string> {
  const ledger = await LevelLedger.open({ directory, clock: systemClock });
  const key = await createApiKey(ledger, nodeHash, { tenant: TENANT, scopes: ['ingest'], clock: systemClock, randomBytes });
  await ledger.close();
  return key;
}

function startIngest(directory: string, port: number): ChildProcess {
  const at = (name: string): string => `level:${join(directory, name)}`;
  const env = {
    ...process.env, MERIDIAN_REGION: 'bench', MERIDIAN_PORT: String(port), LOG_LEVEL: 'warn',
    MERIDIAN_LEDGER: at('ledger'), MERIDIAN_CONTROL: at('control'), MERIDIAN_EVENT_LOG: at('log'),
  };
  return fork(INGEST, [], { env });
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const isReady = await fetch(url).then((response) => response.ok, () => false);
    if (isReady) return;
    await systemClock.sleep(100);
  }
  throw new RangeError(`${url} did not answer`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new RangeError('no port'))));
    });
  });
}

/** The ceiling: nothing but the server, the parser and the answer. */
async function serveBare(port: number): Promise<void> {
  const server = fastify({ bodyLimit: 4 * 1024 * 1024 });
  server.addContentTypeParser('application/cloudevents-batch+json', { parseAs: 'string' }, (_request, body, done) => done(null, JSON.parse(body as string)));
  server.get('/health/ready', () => ({}));
  server.post('/v1/events', (_request, reply) => reply.code(202).send({}));
  await server.listen({ port, host: '127.0.0.1' });
}

if (require.main === module) void serveBare(Number(process.argv[2]));
