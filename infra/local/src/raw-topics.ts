/**
 * What the topics of all regions say by themselves: every record read with kafkajs alone, each event counted once, tokens
 * summed. Shares no code with Meridian, so that the number it prints is evidence.
 *
 *     node infra/local/dist/raw-topics.js --kafka REGION=HOST:PORT,… --topic events --tenant TENANT
 *     → {"records":12602,"events":12031,"sessions":7373,"tokens":{"input":"90695412",…}}
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';

interface RawRecord {
  readonly tenant: string;
  readonly session: string;
  readonly source: string;
  readonly id: string;
  readonly tokens?: Readonly<Record<string, number>>;
}

/** A topic that does not say more for so long, ms, does not answer. */
const SILENCE_MAX_MS = 30_000;

async function readTopic(broker: string, topic: string, take: (record: RawRecord) => void): Promise<void> {
  const kafka = new Kafka({ brokers: [broker], clientId: 'raw-topics', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
  await admin.disconnect();
  const open = new Set([...ends].filter(([, { low, high }]) => low < high).map(([partition]) => partition));
  if (open.size === 0) return;
  const consumer = kafka.consumer({ groupId: `raw-topics-${process.pid}-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const done = Promise.withResolvers<undefined>();
  const silent = setTimeout(() => done.reject(new RangeError(`${broker}: nothing for ${SILENCE_MAX_MS} ms`)), SILENCE_MAX_MS);
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { partition, messages } }) => {
      silent.refresh();
      const high = ends.get(partition)?.high ?? 0n;
      for (const { offset, value } of messages) if (value && BigInt(offset) < high) take(JSON.parse(value.toString()) as RawRecord);
      if (BigInt(messages.at(-1)?.offset ?? -1) >= high - 1n) open.delete(partition);
      if (open.size === 0) done.resolve(undefined);
      return Promise.resolve();
    },
  });
  await done.promise.finally(() => clearTimeout(silent));
  await consumer.disconnect();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { kafka: { type: 'string' }, topic: { type: 'string', default: 'events' }, tenant: { type: 'string' } } });
  const brokers = (values.kafka ?? '').split(',').map((pair) => pair.slice(pair.indexOf('=') + 1));
  const events = new Map<string, RawRecord>();
  let records = 0;
  for (const broker of brokers) {
    await readTopic(broker, values.topic, (record) => {
      if (record.tenant !== values.tenant) return;
      records++;
      events.set(JSON.stringify([record.session, record.source, record.id]), record);
    });
  }
  const tokens: Record<string, bigint> = {};
  for (const event of events.values()) {
    for (const [bucket, count] of Object.entries(event.tokens ?? {})) tokens[bucket] = (tokens[bucket] ?? 0n) + BigInt(count);
  }
  const sessions = new Set([...events.values()].map(({ session }) => session)).size;
  const sums = Object.fromEntries(Object.entries(tokens).map(([bucket, sum]) => [bucket, String(sum)]));
  console.log(JSON.stringify({ records, events: events.size, sessions, tokens: sums }));
}

void main();
