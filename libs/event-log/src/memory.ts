/**
 * The event log in memory: for tests, the simulator and benches. Keeps the port's every promise but durability.
 * Records are kept by reference, never changed.
 */
import type { Clock } from '@meridian/accounting';
import { Bell } from './delivery';
import { EventLogError } from './errors';
import type { Assignee, Draft, EventLog, Extent, Incarnation, LogRecord, Membership, Position } from './event-log';
import { ConsumerGroup } from './group';

export interface MemoryEventLogOptions {
  readonly incarnation: Incarnation;
  readonly clock: Clock;
}

interface Partition {
  /** First offset kept. */
  start: number;
  /** `records[i]` has offset `start + i`. */
  records: LogRecord[];
  /** Of the last append. */
  time: number;
}

export class MemoryEventLog implements EventLog {
  private readonly partitions: readonly Partition[];
  private readonly bells: readonly Bell[];
  private readonly group: ConsumerGroup;
  private epoch = 0;
  private isClosed = false;

  constructor(private readonly options: MemoryEventLogOptions) {
    const numbers = Array.from({ length: options.incarnation.partitions }, (_, partition) => partition);
    this.partitions = numbers.map(() => ({ start: 0, records: [], time: 0 }));
    this.bells = numbers.map(() => new Bell());
    this.group = new ConsumerGroup(this, this.bells);
  }

  async describe(): Promise<Incarnation> {
    this.assertOpen();
    return this.options.incarnation;
  }

  async append(drafts: readonly Draft[]): Promise<readonly Position[]> {
    this.assertOpen();
    // All are looked at before any is appended: a wrong call appends nothing.
    const targets = drafts.map((draft) => this.partition(draft.partition));
    const now = this.options.clock.now();
    const positions = drafts.map((draft, at) => {
      const target = targets[at] as Partition;
      target.time = Math.max(target.time, now);
      const offset = target.start + target.records.length;
      target.records.push({ ...draft, offset, time: target.time, epoch: this.epoch });
      return { partition: draft.partition, offset };
    });
    for (const partition of new Set(drafts.map((draft) => draft.partition))) this.bells[partition]?.ring();
    return positions;
  }

  async extents(): Promise<readonly Extent[]> {
    this.assertOpen();
    return this.partitions.map(({ start, records }) => ({ start, end: start + records.length }));
  }

  async read(partition: number, offset: number, limit: number): Promise<readonly LogRecord[]> {
    this.assertOpen();
    const { start, records } = this.partition(partition);
    const end = start + records.length;
    if (offset < start || offset > end) {
      throw new EventLogError('log_out_of_range', `offset ${offset} of partition ${partition} is not within ${start}..${end}`, { partition });
    }
    return records.slice(offset - start, offset - start + Math.max(0, limit));
  }

  async join(assignee: Assignee): Promise<Membership> {
    this.assertOpen();
    return this.group.join(assignee);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.group.close();
  }

  /** What retention does: drops everything below `start`. */
  trim(partition: number, start: number): void {
    const target = this.partition(partition);
    target.records = target.records.slice(start - target.start);
    target.start = start;
  }

  /** What a new leader means for the records that come after. */
  raiseEpoch(): void {
    this.epoch++;
  }

  private partition(number: number): Partition {
    const partition = this.partitions[number];
    if (!partition) throw new EventLogError('log_invalid', `there is no partition ${number}`);
    return partition;
  }

  private assertOpen(): void {
    if (this.isClosed) throw new EventLogError('log_closed', 'the log is closed');
  }
}
