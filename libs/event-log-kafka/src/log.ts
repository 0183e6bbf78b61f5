/**
 * The event log on Apache Kafka: one region's topic. The broker gives offsets, append times and leader epochs; the group
 * only says which process reads which partition, and where to read from comes from the caller, never from Kafka.
 * Neighbours: `appender.ts` groups appends, `member.ts` is a consumer, `reader.ts` answers what is asked for once.
 */
import {
  EventLogError, type Assignee, type Draft, type EventLog, type Extent, type Incarnation, type LogRecord, type Membership, type Position,
} from '@meridian/event-log';
import { Appender } from './appender';
import { guardRequestQueue } from './guard';
import type { LinkOptions } from './link';
import { Member } from './member';
import type { KafkaEventLogOptions } from './options';
import { Producer } from './producer';
import { Reader } from './reader';
import { BATCH_FRAME_BYTES } from './record';
import { inspectTopic, type Topic } from './topic';

export class KafkaEventLog implements EventLog {
  private readonly members = new Set<Member>();
  private readonly producer: Producer;
  private readonly appender: Appender;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly options: KafkaEventLogOptions & LinkOptions,
    private readonly reader: Reader,
    private readonly topic: Topic,
  ) {
    this.producer = new Producer(options);
    this.appender = new Appender({
      ...options,
      partitions: topic.incarnation.partitions,
      topicBytesMax: topic.batchBytesMax - BATCH_FRAME_BYTES,
      send: this.producer.send,
    });
  }

  /**
   * Rejects with `log_missing` when the topic is not there, with `log_invalid` when it is not as the log needs it or we may
   * not read it, with `log_unavailable` when no broker answers. From then on another cluster is `log_replaced`.
   */
  static async open(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    guardRequestQueue();
    const reader = new Reader(options);
    try {
      const topic = await inspectTopic(reader, options.topic);
      return new KafkaEventLog({ ...options, clusterId: topic.incarnation.cluster }, reader, topic);
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** As the cluster says now: the number of partitions may be another than what was opened. */
  async describe(): Promise<Incarnation> {
    this.assertOpen();
    return this.reader.describe();
  }

  async append(drafts: readonly Draft[]): Promise<readonly Position[]> {
    this.assertOpen();
    return this.appender.append(drafts);
  }

  async extents(): Promise<readonly Extent[]> {
    this.assertOpen();
    return this.reader.extents(this.topic.incarnation.partitions);
  }

  async read(partition: number, offset: number, limit: number): Promise<readonly LogRecord[]> {
    this.assertOpen();
    const { partitions } = this.topic.incarnation;
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) throw new EventLogError('log_invalid', `there is no partition ${partition}`);
    return this.reader.read(partition, offset, limit);
  }

  async join(assignee: Assignee): Promise<Membership> {
    this.assertOpen();
    const member: Member = new Member({
      ...this.options,
      assignee,
      incarnation: this.topic.incarnation,
      describe: () => this.reader.describe(),
      extents: () => this.reader.extents(this.topic.incarnation.partitions),
      onOut: () => this.members.delete(member),
    });
    this.members.add(member);
    return member;
  }

  /** Appends that were called before are sent first, and members leave the group. */
  close(): Promise<void> {
    this.closed ??= this.shut();
    return this.closed;
  }

  private async shut(): Promise<void> {
    const members = [...this.members];
    for (const member of members) member.fail(new EventLogError('log_closed', 'the log was closed under its consumer'));
    await this.appender.idle();
    this.producer.close();
    await Promise.all(members.map((member) => member.close()));
    this.reader.close();
  }

  private assertOpen(): void {
    if (this.closed) throw new EventLogError('log_closed', 'the log is closed');
  }
}
