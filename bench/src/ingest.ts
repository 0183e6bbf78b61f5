/**
 * `ingest`: HTTP batches into Kafka with `acks=all`, everything on. Its ceilings, each in turn with it and each a process
 * of its own: kafkajs' producer with the same records, and Fastify + `JSON.parse` + 202 under the same load. A service
 * made of just these two, one after the other on one core, cannot do more than 1 / (1/a + 1/b). Ingest can: it writes record
 * batches itself, faster than kafkajs does. Of every point the topic must have grown by exactly what was answered 202.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { batches, batchHeaders, makeKey } from './accept';
import { startBareServer } from './bare-server';
import { produceAlone, recordsOf, type Rate } from './kafkajs-alone';
import { runLoad, type LoadAnswer } from './load';
import { KAFKA, makeTopic, REGION, withParts } from './parts';
import { round, type BenchOptions, type BenchResult } from './result';
import { median } from './rounds';
import { cpuSeconds, startService, type Service } from './services';

const ROUNDS = 5;
const BATCH = 100;
const CONNECTIONS = 32;
const RATIO_MIN = 0.7;
const BATCHES = [1, 10, 100, 1_000];
const CONNECTION_COUNTS = [8, 32];
/** Of each point of the table, at least: shorter ones were mostly start. */
const POINT_SECONDS_MIN = 2;
/** A 99th percentile of fewer is as good as the largest. Batches of 1,000 need longer for it. */
const REQUESTS_MIN = 1_000;
const POINT_SECONDS_MAX = 15;
/** Both processes, before the table: the second has done nothing yet, and the first has seen only batches of 100. */
const WARM_UP_SECONDS = 2;
const WARM_UP_BATCHES = [1, 100];
/** Of the time: the ceilings and the target's point; the rest is for the table. */
const ROUNDS_SHARE = 0.5;
const TOPIC = 'events';
/** What the producer alone sends to: what ingest reads of its topic at start is not in its way. */
const PRODUCER_TOPIC = 'alone';

interface Turn {
  readonly ingest: Point;
  readonly producer: Pick<Point, 'eventsPerSecond' | 'cpuMicrosPerEvent'>;
  readonly bare: Point;
}

interface Point {
  readonly requests: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerEvent: number;
}

export async function ingest({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  progress('ingest: starting Kafka');
  return withParts(['kafka'], async ({ directory, broker }) => {
    await makeTopic(broker, TOPIC);
    await makeTopic(broker, PRODUCER_TOPIC);
    const services: Service[] = [];
    try {
      const setup = await ingestSetup(directory, broker);
      services.push(await setup.start(), await setup.start());
      const bare = await startBareServer();
      services.push(bare);
      const [first, second] = services as [Service, Service];
      const turns = await takeTurns({ ingests: [first], broker, bare, key: setup.key, seconds: (seconds * ROUNDS_SHARE) / (3 * ROUNDS) }, progress);
      const table = await measureTable({ first, second, broker, key: setup.key, seconds: seconds * (1 - ROUNDS_SHARE) }, progress);
      return report(turns, table);
    } finally {
      for (const { child } of services) child.kill('SIGKILL');
    }
  });
}

/** How to start ingests of one topic, each with a copy of the same keys. */
export async function ingestSetup(directory: string, broker: string): Promise<{ readonly key: string; readonly start: () => Promise<Service> }> {
  const origin = join(directory, 'ledger');
  const key = await makeKey(origin);
  let copies = 0;
  const start = async (): Promise<Service> => {
    const copy = join(directory, `ingest-${copies++}`);
    await cp(origin, join(copy, 'ledger'), { recursive: true });
    const at = (name: string): string => `level:${join(copy, name)}`;
    return startService('ingest', {
      MERIDIAN_REGION: REGION, MERIDIAN_LEDGER: at('ledger'), MERIDIAN_CONTROL: at('control'),
      MERIDIAN_EVENT_LOG: `kafka:${broker}`, MERIDIAN_EVENT_LOG_TOPIC: TOPIC, MERIDIAN_KAFKA_TLS: 'false', MERIDIAN_KAFKA_SASL: 'none',
    });
  };
  return { key, start };
}

interface Setup {
  readonly ingests: readonly Service[];
  /** Of the topic that must grow by what was answered; undefined of the bare server. */
  readonly broker: string | undefined;
  readonly key: string;
  readonly seconds: number;
  readonly requestsMin?: number;
}

async function takeTurns(setup: Setup & { readonly broker: string; readonly bare: Service }, progress: BenchOptions['progress']): Promise<Turn[]> {
  const { broker, bare, key, seconds } = setup;
  const turns: Turn[] = [];
  for (let number = 0; number <= ROUNDS; number++) {
    progress(`ingest: round ${number} of ${ROUNDS}`);
    const turn: Turn = {
      producer: pointOf(await produceAlone(broker, PRODUCER_TOPIC, seconds)),
      bare: await measurePoint({ ingests: [bare], broker: undefined, key, seconds }, BATCH, CONNECTIONS),
      ingest: await measurePoint(setup, BATCH, CONNECTIONS),
    };
    // The first round warms up.
    if (number > 0) turns.push(turn);
  }
  return turns;
}

async function measureTable(
  { first, second, seconds, ...rest }: { readonly first: Service; readonly second: Service; readonly broker: string; readonly key: string; readonly seconds: number },
  progress: BenchOptions['progress'],
): Promise<object[]> {
  const table: object[] = [];
  const each = Math.max(POINT_SECONDS_MIN, seconds / (2 * BATCHES.length * CONNECTION_COUNTS.length));
  progress('ingest: both processes warm up');
  for (const batch of WARM_UP_BATCHES) await measurePoint({ ingests: [first, second], ...rest, seconds: WARM_UP_SECONDS }, batch, CONNECTIONS);
  for (const ingests of [[first], [first, second]]) {
    for (const batch of BATCHES) {
      for (const connections of CONNECTION_COUNTS) {
        progress(`ingest: ${ingests.length} process(es), batches of ${batch}, ${connections} connections`);
        const point = await measurePoint({ ingests, ...rest, seconds: each, requestsMin: REQUESTS_MIN }, batch, connections);
        table.push({ processes: ingests.length, batch, connections, ...rounded(point) });
      }
    }
  }
  return table;
}

async function measurePoint({ ingests, broker, key, seconds, requestsMin = 0 }: Setup, batch: number, connections: number): Promise<Point> {
  const recordsBefore = broker === undefined ? 0 : await recordsOf(broker, TOPIC);
  const before = await cpuOf(ingests);
  const urls = ingests.map(({ url }) => `${url}/v1/events`);
  const answer: LoadAnswer = await runLoad({ urls, headers: batchHeaders(key), bodies: batches(batch), connections, seconds, requestsMin, secondsMax: Math.max(seconds, POINT_SECONDS_MAX) });
  const cpu = (await cpuOf(ingests)) - before;
  const events = answer.requests * batch;
  const grown = broker === undefined ? events : (await recordsOf(broker, TOPIC)) - recordsBefore;
  if (grown !== events) throw new RangeError(`${events} events were answered 202, the topic grew by ${grown}`);
  return {
    requests: answer.requests, eventsPerSecond: events / answer.seconds, p50Ms: answer.p50, p99Ms: answer.p99, cpuMicrosPerEvent: (cpu / events) * 1e6,
  };
}

async function cpuOf(services: readonly Service[]): Promise<number> {
  const times = await Promise.all(services.map(({ child }) => cpuSeconds(child)));
  return times.reduce((sum, seconds) => sum + seconds, 0);
}

function pointOf({ records, seconds, cpuSeconds: cpu }: Rate): Turn['producer'] {
  return { eventsPerSecond: records / seconds, cpuMicrosPerEvent: (cpu / records) * 1e6 };
}

/** Of what the two ceilings in series allow. */
function ratioOf({ ingest: { eventsPerSecond }, producer, bare }: Turn): number {
  return eventsPerSecond * (1 / producer.eventsPerSecond + 1 / bare.eventsPerSecond);
}

function rounded({ requests, eventsPerSecond, p50Ms, p99Ms, cpuMicrosPerEvent }: Point): Point {
  return { requests, eventsPerSecond: round(eventsPerSecond), p50Ms: round(p50Ms, 2), p99Ms: round(p99Ms, 2), cpuMicrosPerEvent: round(cpuMicrosPerEvent, 1) };
}

function report(turns: readonly Turn[], table: readonly object[]): BenchResult {
  const ratio = round(median(turns.map(ratioOf)), 3);
  const of = (pick: (turn: Turn) => number): number => median(turns.map(pick));
  const cpu = { ingest: of((one) => one.ingest.cpuMicrosPerEvent), producer: of(({ producer }) => producer.cpuMicrosPerEvent), bare: of(({ bare }) => bare.cpuMicrosPerEvent) };
  return {
    bench: 'ingest',
    conditions: { stores: `${KAFKA}; rows in LevelDB`, settings: {} },
    figures: {
      batch: BATCH, connections: CONNECTIONS,
      ingest: rounded({
        requests: turns.reduce((sum, one) => sum + one.ingest.requests, 0), eventsPerSecond: of((one) => one.ingest.eventsPerSecond), p50Ms: of((one) => one.ingest.p50Ms), p99Ms: of((one) => one.ingest.p99Ms), cpuMicrosPerEvent: cpu.ingest,
      }),
      kafkajsAlone: { eventsPerSecond: round(of(({ producer }) => producer.eventsPerSecond)), cpuMicrosPerEvent: round(cpu.producer, 1) },
      fastifyAlone: { eventsPerSecond: round(of(({ bare }) => bare.eventsPerSecond)), cpuMicrosPerEvent: round(cpu.bare, 1) },
      ratio, ratios: turns.map((turn) => round(ratioOf(turn), 2)),
      // By CPU time: what others do on the machine changes it least.
      ratioOfCpu: round((cpu.producer + cpu.bare) / cpu.ingest, 3),
      table,
    },
    targets: [{ name: 'ratio to kafkajs alone and Fastify + JSON.parse + 202 in series', is: ratio, atLeast: RATIO_MIN }],
  };
}
