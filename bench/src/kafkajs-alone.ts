/** What kafkajs itself can do: its own producer and consumer, as they come, in a process of their own. */
import { randomUUID } from 'node:crypto';
import { encodeRecord } from '@meridian/accounting';
import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { answerParent, runInChild } from './child';
import { sampleEvents } from './sample';

interface Task {
  readonly act: 'produce' | 'consume';
  readonly broker: string;
  readonly topic: string;
  readonly seconds: number;
}

/** What it did in how much time and CPU time. */
export interface Rate {
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Records in one send, and sends at a time: as many as 32 connections with 100 events each have on the way. */
const SEND_RECORDS = 1_600;
const SENDS_AT_ONCE = 2;
const ACKS_ALL = -1;
/** kafkajs as it comes asks for a timer in the past at every turn, and Node says so. */
const QUIET = ['--disable-warning=TimeoutNegativeWarning'];

/** Sends the records of the sample for so long. */
export function produceAlone(broker: string, topic: string, seconds: number): Promise<Rate> {
  return runInChild(__filename, { act: 'produce', broker, topic, seconds } satisfies Task, QUIET);
}

/** Reads the topic from its start to its present end, and parses every record. */
export function consumeAlone(broker: string, topic: string): Promise<Rate> {
  return runInChild(__filename, { act: 'consume', broker, topic, seconds: 0 } satisfies Task, QUIET);
}

function connect(broker: string): Kafka {
  return new Kafka({ brokers: [broker], clientId: 'bench', logLevel: logLevel.NOTHING });
}

async function produce({ broker, topic, seconds }: Task): Promise<Rate> {
  const messages = sampleEvents().map((event) => ({ key: `${event.tenant}/${event.session}`, value: Buffer.from(encodeRecord(event)) }));
  const producer = connect(broker).producer({ allowAutoTopicCreation: false, idempotent: false });
  await producer.connect();
  let [records, at] = [0, 0];
  const send = async (): Promise<void> => {
    const chunk = messages.slice(at, at + SEND_RECORDS);
    at = (at + SEND_RECORDS) % (messages.length - SEND_RECORDS);
    await producer.send({ topic, acks: ACKS_ALL, messages: chunk });
    records += chunk.length;
  };
  await send();
  records = 0;
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const until = began + seconds * 1_000;
  await Promise.all(Array.from({ length: SENDS_AT_ONCE }, async () => {
    while (performance.now() < until) await send();
  }));
  const rate = { records, seconds: (performance.now() - began) / 1_000, cpuSeconds: cpuSince(cpu) };
  await producer.disconnect();
  return rate;
}

async function consume({ broker, topic }: Task): Promise<Rate> {
  const kafka = connect(broker);
  const total = await endOf(kafka, topic);
  let [records, began, cpu] = [0, 0, process.cpuUsage()];
  const done = Promise.withResolvers<Rate>();
  const consumer = await consumeAll(kafka, topic, (values) => {
    // From the first batch on: joining a group is not what is measured.
    if (records === 0) [began, cpu] = [performance.now(), process.cpuUsage()];
    for (const value of values) JSON.parse(value.toString());
    records += values.length;
    if (records >= total) done.resolve({ records, seconds: (performance.now() - began) / 1_000, cpuSeconds: cpuSince(cpu) });
  });
  const rate = await done.promise;
  await consumer.disconnect();
  return rate;
}

/** Ids of all events in the topic, read by kafkajs alone. */
export async function readIds(broker: string, topic: string): Promise<Set<string>> {
  const kafka = connect(broker);
  const total = await endOf(kafka, topic);
  const ids = new Set<string>();
  if (total === 0) return ids;
  let records = 0;
  const done: PromiseWithResolvers<void> = Promise.withResolvers();
  const consumer = await consumeAll(kafka, topic, (values) => {
    for (const value of values) ids.add((JSON.parse(value.toString()) as { readonly id: string }).id);
    records += values.length;
    if (records >= total) done.resolve();
  });
  await done.promise;
  await consumer.disconnect();
  return ids;
}

/** Hands over every batch of every partition from its start. */
async function consumeAll(kafka: Kafka, topic: string, take: (values: readonly Buffer[]) => void): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId: `alone-${randomUUID()}`, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 2,
    eachBatch: ({ batch }) => {
      take(batch.messages.map(({ value }) => value).filter((value) => value !== null));
      return Promise.resolve();
    },
  });
  return consumer;
}

/** Records that were ever appended to the topic. */
export function recordsOf(broker: string, topic: string): Promise<number> {
  return endOf(connect(broker), topic);
}

/** Records in the topic, none of which has been removed. */
async function endOf(kafka: Kafka, topic: string): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}

/** The second time is measured: by then its code is compiled. */
async function consumeWarm(task: Task): Promise<Rate> {
  await consume(task);
  return consume(task);
}

if (require.main === module) void answerParent((task: Task) => (task.act === 'produce' ? produce(task) : consumeWarm(task)));
