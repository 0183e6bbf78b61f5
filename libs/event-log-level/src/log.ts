/**
 * The event log on LevelDB: one region's topic in one directory, for one process. Records are on disk before an append
 * resolves. Neighbours: `appender.ts` groups appends, `block.ts` is the layout.
 */
import type { Clock } from '@meridian/accounting';
import {
  Bell, ConsumerGroup, EventLogError,
  type Assignee, type Draft, type EventLog, type Extent, type Incarnation, type LogRecord, type Membership, type Position,
} from '@meridian/event-log';
import { invariant } from '@meridian/accounting';
import { Database, type Level, type Write } from '@meridian/level';
import { Appender, VALUE_BYTES_MAX, type Place } from './appender';
import { decodeHead, decodeRecords } from './block';
import { translate } from './errors';
import { blockBase, blockKey, PARTITIONS_MAX } from './keys';
import { loadState, type LogState, type Partition } from './partition';

export interface LevelEventLogOptions {
  /** Created when it is not there. */
  readonly directory: string;
  readonly topic: string;
  /** Fixed when the directory is created. */
  readonly partitions: number;
  readonly clock: Clock;
}

const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;
/** Blocks of one read: it ends after the block that goes beyond this, whatever the limit. */
const READ_BYTES = 4 * 1024 * 1024;
/** Bytes fetched from LevelDB at once. */
const FETCH_BYTES = 512 * 1024;
const FETCH_BLOCKS = 64;

export class LevelEventLog implements EventLog {
  private readonly bells: readonly Bell[];
  private readonly group: ConsumerGroup;
  private readonly appender = new Appender({
    place: (partition) => this.place(partition),
    key: blockKey,
    write: (puts: Write[]) => this.database.write(puts),
    wrote: (ends) => this.wrote(ends),
  });
  private closed: Promise<void> | undefined;
  private database!: Database;
  private state!: LogState;

  private constructor(private readonly options: LevelEventLogOptions) {
    this.bells = Array.from({ length: options.partitions }, () => new Bell());
    this.group = new ConsumerGroup(this, this.bells);
  }

  /**
   * Rejects with `log_invalid` when the directory holds another topic or number of partitions, and with
   * `log_unavailable` when another process has it open.
   */
  static async open(options: LevelEventLogOptions): Promise<LevelEventLog> {
    const { directory, clock, partitions } = options;
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
      throw new EventLogError('log_invalid', `a log has 1 to ${PARTITIONS_MAX} partitions, not ${partitions}`);
    }
    const log = new LevelEventLog(options);
    log.database = await Database.open({
      directory,
      clock,
      writeBufferBytes: WRITE_BUFFER_BYTES,
      closed: () => new EventLogError('log_closed', 'the log is closed'),
      translate,
      prepare: async (level) => void (log.state = await loadState(level, options)),
      onReopened: () => log.bells.forEach((bell) => bell.ring()),
    });
    return log;
  }

  async describe(): Promise<Incarnation> {
    this.assertOpen();
    return this.state.incarnation;
  }

  async append(drafts: readonly Draft[]): Promise<readonly Position[]> {
    this.assertOpen();
    for (const { partition, value } of drafts) {
      this.partition(partition);
      if (value.length > VALUE_BYTES_MAX) throw new EventLogError('log_invalid', `a value has at most ${VALUE_BYTES_MAX} bytes, not ${value.length}`);
    }
    this.database.opened();
    return drafts.length === 0 ? [] : this.appender.append(drafts);
  }

  async extents(): Promise<readonly Extent[]> {
    this.assertOpen();
    this.database.opened();
    return this.state.partitions.map(({ start, end }) => ({ start, end }));
  }

  async read(partition: number, offset: number, limit: number): Promise<readonly LogRecord[]> {
    this.assertOpen();
    const level = this.database.opened();
    const { start, end } = this.partition(partition);
    if (offset < start || offset > end) {
      throw new EventLogError('log_out_of_range', `offset ${offset} of partition ${partition} is not within ${start}..${end}`, { partition });
    }
    const to = Math.min(end, offset + limit);
    if (offset >= to) return [];
    try {
      return await readBlocks(level, partition, offset, to);
    } catch (error) {
      throw translate(error, `reading ${this.options.directory}`);
    }
  }

  async join(assignee: Assignee): Promise<Membership> {
    this.assertOpen();
    return this.group.join(assignee);
  }

  /** Appends that were called before are written first. */
  close(): Promise<void> {
    this.closed ??= this.shut();
    return this.closed;
  }

  private async shut(): Promise<void> {
    this.group.close();
    await this.appender.idle();
    await this.database.close();
  }

  private place(number: number): Place {
    const { end, time } = this.partition(number);
    return { offset: end, time: Math.max(time, this.options.clock.now()), epoch: this.state.epoch };
  }

  private wrote(ends: ReadonlyMap<number, Place>): void {
    for (const [number, { offset, time }] of ends) {
      this.state.partitions[number] = { start: this.partition(number).start, end: offset, time };
      this.bells[number]?.ring();
    }
  }

  private partition(number: number): Partition {
    const partition = this.state.partitions[number];
    if (!partition) throw new EventLogError('log_invalid', `there is no partition ${number}`);
    return partition;
  }

  private assertOpen(): void {
    if (this.closed) throw new EventLogError('log_closed', 'the log is closed');
  }
}

/** Records `from` up to, not including, `to`; fewer when that would be too many bytes. */
async function readBlocks(level: Level, partition: number, from: number, to: number): Promise<LogRecord[]> {
  const [first] = await level.keys({ gte: blockKey(partition, 0), lte: blockKey(partition, from), reverse: true, limit: 1 }).all();
  invariant(first, `partition ${partition} has the block of offset ${from}`);
  const iterator = level.iterator({ gte: first, lt: blockKey(partition, to), highWaterMarkBytes: FETCH_BYTES });
  const records: LogRecord[] = [];
  let bytes = 0;
  let next = blockBase(first);
  try {
    while (next < to && bytes < READ_BYTES) {
      const blocks = await iterator.nextv(FETCH_BLOCKS);
      invariant(blocks.length > 0, `partition ${partition} has the block of offset ${next}`);
      for (const [key, block] of blocks) {
        const base = blockBase(key);
        invariant(base === next, `partition ${partition} goes on at offset ${next}`);
        for (const record of decodeRecords(block, { partition, base, from, to })) records.push(record);
        next = base + decodeHead(block).count;
        bytes += block.length;
      }
    }
  } finally {
    await iterator.close();
  }
  return records;
}
