/**
 * This process as one member of the group, for assignment only: joins, sends heartbeats, leaves. kafkajs' consumer is
 * not used, only its membership: whoever runs the loop himself cannot be left by it without notice. No offset is ever
 * committed and none is asked for.
 */
import type { Clock } from '@meridian/accounting';
import { PartitionAssigners } from 'kafkajs';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';
import { isType } from './errors';
import { Link, retries, type LinkOptions } from './link';
import { HEARTBEAT_MS, JOIN_DEADLINE_MS, REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS, type KafkaGroupOptions } from './options';
import { patiently } from './patience';

export interface CoordinationOptions extends LinkOptions, KafkaGroupOptions {
  readonly topic: string;
  readonly clock: Clock;
}

/** What a heartbeat is answered when the generation is over. */
const OVER = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'NOT_COORDINATOR_FOR_GROUP', 'FENCED_INSTANCE_ID'];

/** Between joining and joining again. */
export interface Generation {
  readonly partitions: readonly number[];
  /** Aborted when the partitions may be someone else's from now on. */
  readonly over: AbortSignal;
}

export class Coordination {
  private link: Link | undefined;
  private group: ConsumerGroup | undefined;
  private memberId: string | null = null;
  private beating: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(private readonly options: CoordinationOptions) {}

  /** Resolves with the assignment. Rejects when joining has failed for longer than the deadline, or never can succeed. */
  async enter(signal: AbortSignal): Promise<Generation> {
    const { clock, joinDeadlineMs = JOIN_DEADLINE_MS, groupId } = this.options;
    await this.stopBeating();
    const group = await patiently({ clock, deadlineMs: joinDeadlineMs, doing: `joining group ${groupId}`, signal }, () => this.joinOnce());
    const over = new AbortController();
    const stop = new AbortController();
    this.beating = { stop, done: this.beat(group, stop.signal, () => over.abort()) };
    return { partitions: group.assigned().flatMap(({ partitions }) => partitions), over: over.signal };
  }

  /** So that the others need not wait for the end of its session. Never rejects: a broker that cannot be told finds out. */
  async leave(): Promise<void> {
    await this.stopBeating();
    await this.group?.leave().catch(() => undefined);
    this.drop();
  }

  private async joinOnce(): Promise<ConsumerGroup> {
    const group = (this.group ??= this.createGroup());
    try {
      // The brokers may be others than at the last join.
      await this.link?.describe();
      await group.joinAndSync();
      return group;
    } catch (error) {
      this.memberId = group.memberId;
      this.drop();
      throw error;
    }
  }

  private createGroup(): ConsumerGroup {
    const { groupId, topic, brokers, sessionTimeoutMs = SESSION_TIMEOUT_MS, rebalanceTimeoutMs = REBALANCE_TIMEOUT_MS } = this.options;
    this.link = new Link(this.options, topic);
    const { logger, cluster } = this.link;
    const group = new ConsumerGroup({
      logger,
      cluster,
      groupId,
      topics: [topic],
      topicConfigurations: { [topic]: { fromBeginning: true } },
      assigners: [PartitionAssigners.roundRobin({ cluster } as unknown as Parameters<typeof PartitionAssigners.roundRobin>[0])],
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      autoCommit: false,
      retry: retries(brokers),
      instrumentationEmitter: { emit: () => undefined },
    });
    group.memberId = this.memberId;
    return group;
  }

  /**
   * Goes on after the generation is over, until the next one is entered: a member that is giving up what it has is not
   * dead. When nothing is answered for a whole session, the others have been given its partitions.
   */
  private async beat(group: ConsumerGroup, stop: AbortSignal, over: () => void): Promise<void> {
    const { clock, heartbeatMs = HEARTBEAT_MS, sessionTimeoutMs = SESSION_TIMEOUT_MS, groupId } = this.options;
    let heard = clock.now();
    for (;;) {
      await clock.sleep(heartbeatMs, stop);
      if (stop.aborted) return;
      try {
        await group.heartbeat({ interval: 0 });
        heard = clock.now();
      } catch (error) {
        if (isType(error, 'REBALANCE_IN_PROGRESS')) heard = clock.now();
        if (isType(error, ...OVER) || clock.now() - heard > sessionTimeoutMs) over();
        else await this.findCoordinator(group, groupId);
      }
    }
  }

  /** Lost: perhaps another broker has the group by now, which knows this generation. */
  private async findCoordinator(group: ConsumerGroup, groupId: string): Promise<void> {
    await this.link?.cut();
    group.coordinator = (await this.link?.cluster.findGroupCoordinator({ groupId }).catch(() => undefined)) ?? group.coordinator;
  }

  private async stopBeating(): Promise<void> {
    this.beating?.stop.abort();
    await this.beating?.done;
    this.beating = undefined;
  }

  private drop(): void {
    this.link?.close();
    this.link = undefined;
    this.group = undefined;
  }
}
