/** What the specs against a real broker share: where it is, topics of their own, a network that fails when it is told to. */
import type { Clock } from '@meridian/accounting';
import { EventLogError } from '@meridian/event-log';
import { Kafka, logLevel } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaEventLog } from './log';
import type { KafkaEventLogOptions } from './options';
import { patiently } from './patience';
import { createTopic } from './topic';

const RETENTION_MS = 7 * 86_400_000;
const TRIM_DEADLINE_MS = 10_000;

export const clock: Clock = { now: () => Date.now(), sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined) };

/** A broker that runs for the specs: see infra/local/README.md. */
function testBrokers(): string[] {
  const { kafka = {} } = JSON.parse(process.env['MERIDIAN_TEST_STACK'] ?? '{}') as { readonly kafka?: Readonly<Record<string, string>> };
  const [broker] = Object.values(kafka);
  if (broker === undefined) throw new EventLogError('log_unavailable', 'no Kafka broker: install Java 17 and Maven, and start these specs by `npm run test:stack`');
  return [broker];
}

/** Quick to notice, so that the specs are. */
export const QUICK = { heartbeatMs: 200, sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 6_000, connectionTimeoutMs: 2_000 };

/** A new topic, and logs on it. Every log of it belongs to the same group. */
export class TestTopic {
  readonly topic = `test-${randomUUID()}`;
  private readonly logs: KafkaEventLog[] = [];

  private constructor(readonly brokers: readonly string[]) {}

  static async create(partitions: number): Promise<TestTopic> {
    const test = new TestTopic(testBrokers());
    await createTopic(test, { topic: test.topic, partitions, replicationFactor: 1, minInsyncReplicas: 1, retentionMs: RETENTION_MS });
    return test;
  }

  readonly clientId = 'meridian-test';

  async open(options: Partial<KafkaEventLogOptions> = {}): Promise<KafkaEventLog> {
    const log = await KafkaEventLog.open({ ...QUICK, brokers: this.brokers, topic: this.topic, clientId: this.clientId, groupId: this.topic, clock, ...options });
    this.logs.push(log);
    return log;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.close()));
    await this.admin((admin) => admin.deleteTopics({ topics: [this.topic] }));
  }

  /** Drops everything below `start`, as retention does. */
  async trim(partition: number, start: number): Promise<void> {
    // A partition that has just been created may not be known to its leader yet, which the admin takes for a failure.
    await patiently({ clock, deadlineMs: TRIM_DEADLINE_MS, doing: 'trimming' }, () => this.admin(async (admin) => {
      // Loads the topic's metadata, which the next call looks for.
      await admin.fetchTopicOffsets(this.topic);
      await admin.deleteTopicRecords({ topic: this.topic, partitions: [{ partition, offset: String(start) }] });
    }));
  }

  async admin<T>(act: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = new Kafka({ brokers: [...this.brokers], clientId: this.clientId, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await act(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

/** Numbers of the protocol's requests. */
export const PRODUCE = 0;
export const FETCH = 1;
const API_KEY_AT = 4;

/** Sockets that at a request lose the connection after it is on the way, or before, or go silent. */
export class FaultyNetwork {
  /** Called with the kind of each request. */
  fault: (request: number) => 'lose' | 'refuse' | 'silence' | undefined = () => undefined;
  readonly requests: number[] = [];

  readonly connect = (host: string, port: number): Socket => {
    const socket = connect({ host, port });
    const write = socket.write.bind(socket) as (data: Buffer, done?: () => void) => boolean;
    socket.write = (data: Buffer): boolean => {
      const request = data.readInt16BE(API_KEY_AT);
      this.requests.push(request);
      const fault = this.fault(request);
      if (fault === 'silence') socket.pause();
      if (fault === 'refuse') {
        socket.destroy(new RangeError('refused'));
        return false;
      }
      return write(data, fault === 'lose' ? () => socket.destroy(new RangeError('lost')) : undefined);
    };
    return socket;
  };
}
