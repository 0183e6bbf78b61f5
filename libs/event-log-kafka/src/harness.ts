/** What the specs against a real broker share: where it is, topics of their own, members, a network that fails when it is told to. */
import type { Clock } from '@meridian/accounting';
import { EventLogError, type Assignee, type EventLog, type LogRecord } from '@meridian/event-log';
import { textOf } from '@meridian/event-log/contract';
import { Kafka, logLevel } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaEventLog } from './log';
import type { KafkaConnectionOptions, KafkaEventLogOptions } from './options';
import { patiently } from './patience';
import { createTopic } from './topic';

const RETENTION_MS = 7 * 86_400_000;
const TRIM_DEADLINE_MS = 10_000;
/** For whatever must come in the end. */
export const DEADLINE_MS = 20_000;

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

  private constructor(readonly brokers: readonly string[], private readonly partitions: number) {}

  /** On the broker of all specs, or on another. */
  static async create(partitions: number, { brokers }: Pick<KafkaConnectionOptions, 'brokers'> = { brokers: testBrokers() }): Promise<TestTopic> {
    const test = new TestTopic(brokers, partitions);
    await test.make();
    return test;
  }

  /** Under its name, empty, with other offsets: what must not happen. */
  async recreate(): Promise<void> {
    await this.admin((admin) => admin.deleteTopics({ topics: [this.topic] })).catch(() => undefined);
    await patiently({ clock, deadlineMs: DEADLINE_MS, doing: 'creating again' }, async () => {
      if (!(await this.make())) throw new EventLogError('log_unavailable', 'the topic is not gone yet');
    });
  }

  private make(): Promise<boolean> {
    return createTopic(this, { topic: this.topic, partitions: this.partitions, replicationFactor: 1, minInsyncReplicas: 1, retentionMs: RETENTION_MS });
  }

  readonly clientId = 'meridian-test';

  async open(options: Partial<KafkaEventLogOptions> = {}): Promise<KafkaEventLog> {
    const log = await KafkaEventLog.open({ ...QUICK, brokers: this.brokers, topic: this.topic, clientId: this.clientId, groupId: this.topic, clock, ...options });
    this.logs.push(log);
    return log;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.close()));
    // Some specs have deleted it themselves.
    await this.admin((admin) => admin.deleteTopics({ topics: [this.topic] })).catch(() => undefined);
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
    const admin = new Kafka({ brokers: [...this.brokers], clientId: this.clientId, logLevel: logLevel.NOTHING, retry: { retries: 2 } }).admin();
    await admin.connect();
    try {
      return await act(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

/** Takes in everything from offset 0 on. */
export class Reading implements Assignee {
  readonly texts: string[] = [];
  failure: Error | undefined;
  held: readonly number[] = [];
  /** Of each batch, before it is taken in. */
  hold: () => Promise<void> = () => Promise.resolve();
  private readonly next = new Map<number, number>();

  async assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    this.held = partitions;
    return new Map(partitions.map((partition) => [partition, this.next.get(partition) ?? 0]));
  }

  async revoked(): Promise<void> {
    this.held = [];
  }

  async records(partition: number, records: readonly LogRecord[]): Promise<void> {
    await this.hold();
    for (const record of records) {
      this.texts.push(textOf(record));
      this.next.set(partition, record.offset + 1);
    }
  }

  failed(error: Error): void {
    this.failure = error;
  }
}

export async function eventually(condition: () => void): Promise<void> {
  for (const until = Date.now() + DEADLINE_MS; ; ) {
    try {
      condition();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await clock.sleep(20);
  }
}

export async function readAll(log: EventLog, partition: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const end = (await log.extents())[partition]?.end ?? 0;
  while (records.length < end) records.push(...(await log.read(partition, records.length, 1_000)));
  return records;
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
  private readonly sockets: Socket[] = [];

  count(request: number): number {
    return this.requests.filter((one) => one === request).length;
  }

  get bytesRead(): number {
    return this.sockets.reduce((bytes, socket) => bytes + socket.bytesRead, 0);
  }

  readonly connect = (host: string, port: number): Socket => {
    const socket = connect({ host, port });
    this.sockets.push(socket);
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
