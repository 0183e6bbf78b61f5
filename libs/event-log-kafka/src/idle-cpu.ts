/**
 * Prints the CPU that an idle consumer of three partitions takes: as it ships, without the guard of `guard.ts`, and
 * kafkajs' own consumer as that comes. Each in a process of its own, on a new topic of one broker.
 * `node libs/event-log-kafka/dist/idle-cpu.js HOST:PORT [SECONDS]`, `--json` for programs.
 */
import type { Assignee } from '@meridian/event-log';
import { Kafka, logLevel } from 'kafkajs';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { guardRequestQueue } from './guard';
import { clock } from './harness';
import { KafkaEventLog } from './log';
import { createTopic } from './topic';

const PARTITIONS = 3;
const SECONDS = 20;
/** Connecting and compiling are not idling. */
const WARM_UP_MS = 5_000;
const DAY_MS = 86_400_000;
const MODES = { guarded: 'with the guard', unguarded: 'without the guard', kafkajs: "kafkajs' own consumer" } as const;
type Mode = keyof typeof MODES;

const idle: Assignee = {
  assigned: (partitions) => Promise.resolve(new Map(partitions.map((partition) => [partition, 0]))),
  revoked: () => Promise.resolve(),
  records: () => Promise.resolve(),
  failed: (error) => {
    throw error;
  },
};

async function consume(mode: Mode, broker: string, topic: string): Promise<void> {
  const connection = { brokers: [broker], clientId: 'idle-cpu' };
  if (mode === 'kafkajs') {
    const consumer = new Kafka({ ...connection, logLevel: logLevel.NOTHING }).consumer({ groupId: topic });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    return consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
  }
  const log = await KafkaEventLog.open({ ...connection, topic, groupId: topic, clock });
  if (mode === 'unguarded') guardRequestQueue()();
  await log.join(idle);
}

/** Percent of one core. */
async function measure(seconds: number): Promise<number> {
  await sleep(WARM_UP_MS);
  const [began, before] = [performance.now(), process.cpuUsage()];
  await sleep(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / (performance.now() - began) * 100;
}

async function main([broker = '127.0.0.1:9092', seconds = String(SECONDS), mode, topic]: readonly string[], isJson: boolean): Promise<void> {
  if (mode !== undefined && topic !== undefined) {
    await consume(mode as Mode, broker, topic);
    process.stdout.write(String(await measure(Number(seconds))), () => process.exit());
    return;
  }
  const figures: Partial<Record<Mode, number>> = {};
  for (const one of Object.keys(MODES) as Mode[]) {
    const name = `idle-cpu-${randomUUID()}`;
    await createTopic({ brokers: [broker], clientId: 'idle-cpu' }, { topic: name, partitions: PARTITIONS, replicationFactor: 1, minInsyncReplicas: 1, retentionMs: DAY_MS });
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, __filename, broker, seconds, one, name]);
    figures[one] = Math.round(Number(stdout) * 100) / 100;
    if (!isJson) process.stdout.write(`${MODES[one].padEnd(24)}${figures[one].toFixed(2).padStart(6)} % of a core\n`);
  }
  if (isJson) process.stdout.write(`${JSON.stringify({ partitions: PARTITIONS, seconds: Number(seconds), cpuPercent: figures })}\n`);
}

void main(process.argv.slice(2).filter((argument) => argument !== '--json'), process.argv.includes('--json'));
