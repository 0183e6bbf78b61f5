/** The topic: created by an operator, never by a service, and looked at before it is used. */
import { EventLogError, type Incarnation } from '@meridian/event-log';
import { Kafka } from 'kafkajs';
import { guardError, isType, translate } from './errors';
import { guardRequestQueue } from './guard';
import { kafkaConfig } from './link';
import type { KafkaConnectionOptions } from './options';
import type { Reader } from './reader';
import { Sockets } from './sockets';

export interface KafkaTopicOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** Longer than the longest outage of the ledger that is to be outlived. */
  readonly retentionMs: number;
}

/** How long the brokers may take to create it. */
const CREATE_TIMEOUT_MS = 20_000;
/** How long after its creation a topic may be unknown to a broker. */
const KNOWN_DEADLINE_MS = 2_000;

/** Answers false, and changes nothing, when a topic of that name is there. */
export async function createTopic(connection: KafkaConnectionOptions, options: KafkaTopicOptions): Promise<boolean> {
  const { topic, partitions, replicationFactor, minInsyncReplicas, retentionMs } = options;
  guardRequestQueue();
  const sockets = new Sockets(connection);
  const admin = new Kafka(kafkaConfig(connection, sockets)).admin();
  const entries = {
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': 'delete',
    'min.insync.replicas': String(minInsyncReplicas),
    'retention.ms': String(retentionMs),
    'unclean.leader.election.enable': 'false',
  };
  try {
    await admin.connect();
    const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
    const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }];
    // Not for its leaders: kafkajs takes a topic that a broker does not know yet for a failure. Opening waits for them.
    return await admin.createTopics({ topics, timeout: CREATE_TIMEOUT_MS, waitForLeaders: false });
  } catch (error) {
    throw translate(error, `creating topic ${topic}`);
  } finally {
    sockets.close();
  }
}

/** Undefined for any other error than that the brokers do not know the topic. */
export function missing(error: unknown, topic: string): EventLogError | undefined {
  if (!isType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return undefined;
  return guardError('log_missing', `topic ${topic} does not exist: create it with \`meridian topics create\``, { cause: error });
}

/** What the log needs to know of its topic. */
export interface Topic {
  readonly incarnation: Incarnation;
  /** Of one batch, as the broker takes it. */
  readonly batchBytesMax: number;
}

/**
 * Rejects with `log_missing` unless the topic is there, and with `log_invalid` unless it keeps what the log promises: the record time is the broker's
 * append time (with the publisher's, retention would delete late events), and nothing is taken out of the middle.
 */
export async function inspectTopic(reader: Reader, topic: string): Promise<Topic> {
  const incarnation = await reader.describe(KNOWN_DEADLINE_MS).catch((error: unknown) => {
    throw missing(error, topic) ?? error;
  });
  const config = await reader.topicConfig(['message.timestamp.type', 'cleanup.policy', 'max.message.bytes']);
  for (const [name, needed] of [['message.timestamp.type', 'LogAppendTime'], ['cleanup.policy', 'delete']] as const) {
    const found = config.get(name);
    if (found !== needed) throw new EventLogError('log_invalid', `topic ${topic} has ${name}=${found ?? ''}: the log needs ${name}=${needed}`);
  }
  return { incarnation, batchBytesMax: Number(config.get('max.message.bytes')) };
}
