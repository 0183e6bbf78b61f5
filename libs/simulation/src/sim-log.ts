/**
 * A simulated topic with a group of consumers: append times by the broker, lost acknowledgements, members that fall
 * asleep and come back as zombies, truncation, growth. The records themselves are the oracle's evidence.
 */
import { EventLogError, type Assignee, type Draft, type EventLog, type Extent, type Incarnation, type LogRecord, type Membership, type Position } from '@meridian/event-log';
import type { Scheduler } from './scheduler';
import type { SimProcess } from './sim-process';

/** A member that was not heard of for this long loses its partitions, ms. */
const SESSION_TIMEOUT_MS = 3_000;
const COORDINATE_MS = 500;
const LATENCY_MS = 3;
const POLL_MS = 150;
const FETCH_RECORDS = 20;

interface Member {
  /** Members of one group share the partitions; another group reads them all again. */
  readonly group: string;
  readonly process: SimProcess;
  readonly assignee: Assignee;
  /** Its partitions, each with the number of the assignment: a delivery loop of an older one stops. */
  partitions: Map<number, number>;
  /** What the coordinator holds against it: it has been expelled and must learn so. */
  isExpelled: boolean;
}

export class SimTopic {
  readonly partitions: LogRecord[][];
  /** Advisory offsets, committed when records were handed over: what nobody must trust. */
  readonly committed: number[] = [];
  private epoch = 0;
  private assignments = 0;
  private members: Member[] = [];
  private isOpen = true;

  constructor(
    private readonly scheduler: Scheduler,
    readonly region: string,
    readonly incarnation: string,
    partitions: number,
    private readonly options: {
      /** Probability that an append fails, applied or not. */
      readonly faults: { readonly failure: number };
      readonly onAppend: (record: LogRecord) => void;
    },
  ) {
    this.partitions = Array.from({ length: partitions }, () => []);
    this.coordinate();
  }

  describe(): Incarnation {
    return { cluster: this.incarnation, topic: 'usage', partitions: this.partitions.length };
  }

  /** Adds a partition: keys move, the members learn of it. */
  grow(): void {
    this.partitions.push([]);
    this.rejoinAll();
  }

  /** A clean one: nothing is lost, and the records that come are another leader's. */
  elect(): void {
    this.epoch++;
  }

  /** An unclean leader election: the tail from `offset` on is gone, new records take its place under a new epoch. */
  truncate(partition: number, offset: number): void {
    this.partitions[partition]?.splice(offset);
    this.epoch++;
    this.rejoinAll();
  }

  /** Takes no more records; what it has can still be read. */
  close(): void {
    this.isOpen = false;
  }

  port(process: SimProcess, group: string): EventLog {
    return {
      describe: () => process.call(LATENCY_MS, () => this.describe()),
      append: (drafts) => process.call(LATENCY_MS, () => this.append(process, drafts)),
      extents: () => process.call(LATENCY_MS, () => this.extents()),
      read: (partition, offset, limit) => process.call(LATENCY_MS, () => this.partition(partition).slice(offset, offset + limit)),
      join: (assignee) => process.call(LATENCY_MS, () => this.join(process, group, assignee)),
      close: () => Promise.resolve(),
    };
  }

  private extents(): Extent[] {
    return this.partitions.map((records) => ({ start: 0, end: records.length }));
  }

  private partition(number: number): LogRecord[] {
    const records = this.partitions[number];
    if (!records) throw new EventLogError('log_invalid', `no partition ${number}`);
    return records;
  }

  private append(process: SimProcess, drafts: readonly Draft[]): Position[] {
    const fails = process.random.chance(this.options.faults.failure);
    if (!this.isOpen || (fails && process.random.chance(0.5))) throw new EventLogError('log_unavailable', 'simulated: not appended');
    const positions = drafts.map((draft) => {
      const records = this.partition(draft.partition);
      const offset = records.length;
      const record = { ...draft, offset, epoch: this.epoch, time: this.scheduler.now };
      records.push(record);
      this.options.onAppend(record);
      return { partition: draft.partition, offset };
    });
    if (fails) throw new EventLogError('log_unavailable', 'simulated: appended, unanswered');
    return positions;
  }

  private join(process: SimProcess, group: string, assignee: Assignee): Membership {
    const member: Member = { group, process, assignee, partitions: new Map(), isExpelled: false };
    this.members.push(member);
    return {
      close: async () => {
        this.members = this.members.filter((one) => one !== member);
        await assignee.revoked([...member.partitions.keys()]);
      },
    };
  }

  private rejoinAll(): void {
    for (const member of this.members) member.isExpelled = true;
  }

  /** Looks at the group twice a second: expels the silent, tells the expelled, shares the partitions out. */
  private coordinate(): void {
    this.scheduler.after(COORDINATE_MS, () => this.coordinate());
    const { now } = this.scheduler;
    this.members = this.members.filter(({ process }) => process.isAlive);
    for (const member of this.members) {
      const { pausedAt } = member.process;
      if (pausedAt !== undefined && now - pausedAt > SESSION_TIMEOUT_MS) member.isExpelled = true;
      if (member.isExpelled && pausedAt === undefined) this.readmit(member);
    }
    for (const group of new Set(this.members.map((member) => member.group))) {
      this.share(this.members.filter((member) => member.group === group && !member.isExpelled));
    }
  }

  private share(active: readonly Member[]): void {
    active.forEach((member, i) => {
      const own = [...this.partitions.keys()].filter((partition) => partition % active.length === i);
      const lost = [...member.partitions.keys()].filter((partition) => !own.includes(partition));
      const gained = own.filter((partition) => !member.partitions.has(partition));
      if (lost.length > 0) this.take(member, lost);
      if (gained.length > 0) this.give(member, gained);
    });
  }

  private readmit(member: Member): void {
    this.take(member, [...member.partitions.keys()]);
    member.isExpelled = false;
  }

  private take(member: Member, partitions: readonly number[]): void {
    for (const partition of partitions) member.partitions.delete(partition);
    member.process.deliver(() => void member.assignee.revoked(partitions));
  }

  private give(member: Member, partitions: readonly number[]): void {
    for (const partition of partitions) member.partitions.set(partition, ++this.assignments);
    member.process.deliver(() => void this.start(member, partitions));
  }

  private async start(member: Member, partitions: readonly number[]): Promise<void> {
    try {
      const starts = await member.assignee.assigned(partitions);
      await Promise.all(partitions.map((partition) => this.deliver(member, partition, starts.get(partition) ?? 0)));
    } catch (error) {
      this.members = this.members.filter((one) => one !== member);
      member.assignee.failed(error as Error);
    }
  }

  private async deliver(member: Member, partition: number, start: number): Promise<void> {
    const { process, assignee } = member;
    let next = start;
    const assignment = member.partitions.get(partition);
    // A sleeping member goes on delivering what it fetched when it wakes up, until it is told: that is the zombie.
    while (assignment !== undefined && member.partitions.get(partition) === assignment && this.members.includes(member)) {
      const records = await process.call(LATENCY_MS, () => this.partition(partition).slice(next, next + FETCH_RECORDS));
      if (records.length === 0) {
        await process.clock.sleep(POLL_MS);
        continue;
      }
      this.committed[partition] = Math.max(this.committed[partition] ?? 0, next + records.length);
      await assignee.records(partition, records);
      next += records.length;
    }
  }
}
