/**
 * `aggregate`: from Kafka to durable deltas and manifests, every partition of one topic, by the aggregator's own consumer
 * and fold in a process of its own: over the memory ledger, which shows what we cost, and over DynamoDB Local, which
 * mostly shows what that costs. Ceiling: kafkajs' consumer + `JSON.parse` over the same topic, in turns.
 */
import { randomUUID } from 'node:crypto';
import { logId, ownersSegment, type LogId } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { KafkaEventLog } from '@meridian/event-log-kafka';
import { MemoryLedger, type Ledger } from '@meridian/ledger';
import { DynamoLedger } from '@meridian/ledger-dynamodb';
import { Acceptor, FOLD_DEFAULTS, FoldService, silentProbe, type Flushed } from '@meridian/pipeline';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { answerParent, runInChild } from './child';
import { consumeAlone, type Rate } from './kafkajs-alone';
import { CREDENTIALS, KAFKA, makeTable, makeTopic, REGION, TOPIC_PARTITIONS, withParts, type Parts } from './parts';
import { round, type BenchOptions, type BenchResult } from './result';
import { median } from './rounds';
import { recentEvents } from './sample';

/** Copies of the sample hour: 144,372 records. */
const COPIES = 12;
const ROUNDS = 3;
const TURN_SECONDS_MAX = 60;
/** Accepted at a time. */
const BATCH = 1_000;
const RATIO_MIN = 0.5;
const TOPIC = 'events';
const TABLE = 'meridian-ledger';
/** It takes a few hundred writes a second: a flush of all that Kafka hands over at once would take minutes. */
const DYNAMODB_BUFFER_BYTES = 64 * 1024;

interface Task {
  readonly broker: string;
  /** URL; empty: the memory ledger. */
  readonly dynamodb: string;
  readonly total: number;
  readonly seconds: number;
}

interface Folded extends Rate {
  readonly writes: number;
}

export async function aggregate({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  progress('aggregate: starting Kafka and DynamoDB Local');
  return withParts(['kafka', 'dynamodb'], async (parts) => {
    const { broker } = parts;
    await makeTopic(broker, TOPIC);
    progress('aggregate: filling the topic');
    const total = await fill(broker);
    const turns: { readonly ours: Folded; readonly ceiling: Rate }[] = [];
    for (let number = 0; number <= ROUNDS; number++) {
      progress(`aggregate: round ${number} of ${ROUNDS}`);
      const ceiling = await consumeAlone(broker, TOPIC);
      const ours = await runInChild<Folded>(__filename, { broker, dynamodb: '', total, seconds: TURN_SECONDS_MAX } satisfies Task);
      // The first round warms up.
      if (number > 0) turns.push({ ours, ceiling });
    }
    progress('aggregate: DynamoDB Local');
    const durable = await foldToDynamo(parts, total, seconds);
    return report(turns, durable);
  });
}

/** Accepts the events into the topic; how many there are. */
async function fill(broker: string): Promise<number> {
  const log = await openLog(broker);
  const acceptor = new Acceptor({ log, logs: logIds(), clock: systemClock, probe: silentProbe });
  const events = recentEvents(COPIES);
  for (let at = 0; at < events.length; at += BATCH) await acceptor.accept(events.slice(at, at + BATCH));
  await log.close();
  return events.length;
}

async function foldToDynamo({ broker, dynamodb }: Parts, total: number, seconds: number): Promise<Folded> {
  await makeTable(dynamodb, TABLE);
  return runInChild<Folded>(__filename, { broker, dynamodb, total, seconds } satisfies Task);
}

function openLog(broker: string): Promise<KafkaEventLog> {
  return KafkaEventLog.open({ brokers: [broker], clientId: 'bench', topic: TOPIC, groupId: `bench-${randomUUID()}`, clock: systemClock });
}

function logIds(): LogId[] {
  return Array.from({ length: TOPIC_PARTITIONS }, (_, partition) => logId({ region: REGION, lineage: 0, partition }));
}

interface Moment {
  /** ms. */
  readonly at: number;
  /** Of this process, since it began. */
  readonly cpuMicros: number;
}

function moment(): Moment {
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), cpuMicros: user + system };
}

/** Notes when the first records came and when all is durable, since neither joining a group is what is measured nor leaving it, and how many have been taken. */
class TimedFoldService extends FoldService {
  taken = 0;
  onTaken: (taken: number) => void = () => undefined;
  began: Moment | undefined;
  givenUp: Moment | undefined;

  override async records(partition: number, records: readonly LogRecord[]): Promise<void> {
    this.began ??= moment();
    await super.records(partition, records);
    this.onTaken((this.taken += records.length));
  }

  /** A service that closes has flushed before. */
  override async revoked(partitions: readonly number[]): Promise<void> {
    this.givenUp ??= moment();
    await super.revoked(partitions);
  }
}

/** The second time is measured, over memory: an aggregator runs for weeks, its code is compiled. */
async function foldWarm(task: Task): Promise<Folded> {
  if (task.dynamodb === '') await fold(task);
  return fold(task);
}

/** Folds the topic from its start to its end, or for so long. */
async function fold({ broker, dynamodb, total, seconds }: Task): Promise<Folded> {
  const log = await openLog(broker);
  let [folded, writes] = [0, 0];
  const done: PromiseWithResolvers<void> = Promise.withResolvers();
  const flushed = ({ records, deltas }: Flushed): void => {
    folded += records;
    writes += deltas + 1;
  };
  const ledger: Ledger = dynamodb === '' ? new MemoryLedger() : new DynamoLedger({ table: TABLE, region: REGION, endpoint: dynamodb, credentials: CREDENTIALS, random: systemRandom });
  const stopping = new AbortController();
  const service = new TimedFoldService({
    log, ledger, logs: logIds(), hash: nodeHash, clock: systemClock, random: systemRandom, probe: { ...silentProbe, flushed }, signal: stopping.signal,
    segmentsOf: (id) => Promise.resolve([ownersSegment(id, 0, REGION)]), openStream: () => Promise.resolve(),
  }, dynamodb === '' ? FOLD_DEFAULTS : { ...FOLD_DEFAULTS, bufferBytesMax: DYNAMODB_BUFFER_BYTES });
  service.run().catch(done.reject);
  service.onTaken = (taken) => {
    if (taken >= total) done.resolve();
  };
  await service.start(log);
  await Promise.race([done.promise, systemClock.sleep(seconds * 1_000)]);
  // What is left is flushed at once: the wait for more would be measured, too. Nothing of it over DynamoDB Local, whose time is over.
  if (dynamodb === '') await service.close();
  const until = service.givenUp ?? moment();
  const began = service.began ?? until;
  const answer = { records: folded, writes, seconds: (until.at - began.at) / 1_000, cpuSeconds: (until.cpuMicros - began.cpuMicros) / 1_000_000 };
  if (dynamodb === '') await log.close();
  return answer;
}

function figures({ records, seconds, cpuSeconds }: Rate): object {
  return { events: records, eventsPerSecond: round(records / seconds), cpuMicrosPerEvent: round((cpuSeconds / records) * 1e6, 1) };
}

function report(turns: readonly { readonly ours: Folded; readonly ceiling: Rate }[], durable: Folded): BenchResult {
  const rate = ({ records, seconds }: Rate): number => records / seconds;
  const middle = (rates: readonly Rate[]): Rate => {
    const records = (rates[0] as Rate).records;
    return { records, seconds: median(rates.map((one) => one.seconds)), cpuSeconds: median(rates.map((one) => one.cpuSeconds)) };
  };
  const [ours, ceiling] = [middle(turns.map((turn) => turn.ours)), middle(turns.map((turn) => turn.ceiling))];
  const ratios = turns.map((turn) => rate(turn.ours) / rate(turn.ceiling));
  const ratio = round(median(ratios), 3);
  return {
    bench: 'aggregate',
    conditions: {
      stores: `${KAFKA}; rows in memory, and DynamoDB Local`,
      settings: { 'over DynamoDB Local: MERIDIAN_BUFFER_BYTES_MAX': DYNAMODB_BUFFER_BYTES },
    },
    figures: {
      partitions: TOPIC_PARTITIONS, memory: figures(ours), kafkajsAlone: figures(ceiling), ratio, ratios: ratios.map((one) => round(one, 2)),
      ratioOfCpu: round(ceiling.cpuSeconds / ours.cpuSeconds, 3),
      dynamodbLocal: { ...figures(durable), writesPerSecond: round(durable.writes / durable.seconds) },
    },
    targets: [{ name: 'memory ledger: ratio to kafkajs alone + JSON.parse', is: ratio, atLeast: RATIO_MIN }],
  };
}

if (require.main === module) void answerParent(foldWarm);
