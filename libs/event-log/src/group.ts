/**
 * The group of consumers inside one process: which member has which partition, and what each is handed when.
 * Used as it is by every adapter whose log lives in this process (memory, LevelDB); Kafka has its own group.
 *
 * Invariants: a partition is taken from its holder (`revoked` and the last `records` have settled) before another
 * member is assigned it; only partitions that change hands are touched; after `failed`, or after `close` of the
 * membership has resolved, a member is not called again.
 */
import { Delivery, type Bell, type RecordSource } from './delivery';
import { EventLogError } from './errors';
import type { Assignee, Membership } from './event-log';

export class ConsumerGroup {
  private readonly members = new Set<Member>();
  /** Members that left and may still hold partitions. */
  private readonly departing = new Set<Member>();
  private isUneven = false;
  private isBalancing = false;
  private isClosed = false;

  /** `bells`: one per partition, rung by the log after every append and when it can be read again after an outage. */
  constructor(
    private readonly source: RecordSource,
    private readonly bells: readonly Bell[],
  ) {}

  join(assignee: Assignee): Membership {
    if (this.isClosed) throw new EventLogError('log_closed', 'the log is closed');
    const member = new Member(assignee, this.source, this.bells, () => {
      this.members.delete(member);
      void this.balance();
    });
    this.members.add(member);
    void this.balance();
    return { close: () => this.leave(member) };
  }

  /** Every member that has not left by itself fails with `log_closed`. */
  close(): void {
    this.isClosed = true;
    for (const member of [...this.members]) member.fail(new EventLogError('log_closed', 'the log was closed under its consumer'));
  }

  private async leave(member: Member): Promise<void> {
    if (this.members.delete(member)) {
      this.departing.add(member);
      void this.balance();
    }
    await member.leave();
    this.departing.delete(member);
  }

  /** Partition p belongs to member p mod n. Runs until no member came or went meanwhile. */
  private async balance(): Promise<void> {
    this.isUneven = true;
    if (this.isBalancing) return;
    this.isBalancing = true;
    while (this.isUneven) {
      this.isUneven = false;
      const members = [...this.members];
      const shareOf = new Map(members.map((member, at) => [member, this.bells.map((_, p) => p).filter((p) => p % members.length === at)]));
      await Promise.all([
        ...members.map((member) => member.keep(shareOf.get(member) ?? [])),
        ...[...this.departing].map((member) => member.leave()),
      ]);
      if (this.hasChanged()) continue;
      await Promise.all(members.map((member) => member.take(shareOf.get(member) ?? [])));
    }
    this.isBalancing = false;
  }

  /** A method, because `isUneven` changes while `balance` waits. */
  private hasChanged(): boolean {
    return this.isUneven;
  }
}

/** One member: its calls of `assigned` and `revoked` go one after the other. */
class Member {
  private readonly deliveries = new Map<number, Delivery>();
  private last: Promise<void> = Promise.resolve();
  private isLeaving = false;
  private isOut = false;

  constructor(
    private readonly assignee: Assignee,
    private readonly source: RecordSource,
    private readonly bells: readonly Bell[],
    private readonly onFailed: () => void,
  ) {}

  /** Gives up every partition that is not in `share`. */
  keep(share: readonly number[]): Promise<void> {
    return this.inTurn(() => this.giveUp([...this.deliveries.keys()].filter((partition) => !share.includes(partition))));
  }

  /** Takes on the partitions of `share` that it does not have. */
  take(share: readonly number[]): Promise<void> {
    return this.inTurn(async () => {
      const gained = share.filter((partition) => !this.deliveries.has(partition));
      if (gained.length === 0 || this.isLeaving) return;
      const starts = await this.assignee.assigned(gained);
      if (this.hasEnded()) return;
      for (const partition of gained) {
        const from = starts.get(partition);
        if (from === undefined) throw new EventLogError('log_invalid', `no start offset was given for partition ${partition}`);
        this.deliveries.set(partition, this.deliver(partition, from));
      }
    });
  }

  leave(): Promise<void> {
    this.isLeaving = true;
    return this.inTurn(async () => {
      await this.giveUp([...this.deliveries.keys()]);
      this.isOut = true;
    });
  }

  fail(error: unknown): void {
    if (this.isOut) return;
    this.isOut = true;
    for (const delivery of this.deliveries.values()) void delivery.stop();
    this.deliveries.clear();
    this.onFailed();
    this.assignee.failed(error instanceof Error ? error : new EventLogError('log_invalid', 'the consumer rejected', { cause: error }));
  }

  private deliver(partition: number, from: number): Delivery {
    const bell = this.bells[partition];
    if (!bell) throw new EventLogError('log_invalid', `there is no partition ${partition}`);
    return new Delivery({ source: this.source, bell, partition, from, assignee: this.assignee, onFailed: (error) => this.fail(error) });
  }

  private async giveUp(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    const ended = [...this.deliveries].filter(([partition]) => partitions.includes(partition)).map(([, delivery]) => delivery.stop());
    // First: a member that retries for as long as the partition is its own ends only when it is told.
    await this.assignee.revoked(partitions);
    await Promise.all(ended);
    for (const partition of partitions) this.deliveries.delete(partition);
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    this.last = this.last.then(async () => {
      if (this.isOut) return;
      try {
        await act();
      } catch (error) {
        this.fail(error);
      }
    });
    return this.last;
  }

  /** A method, because `isOut` changes while a call waits. */
  private hasEnded(): boolean {
    return this.isOut;
  }
}
