/**
 * Appends by groups: while one group is being written, what arrives is gathered into the next. No timer: one append
 * alone is written at once, many at a time share a write. Offsets are given when a group is written, so that a failed
 * group leaves no hole.
 */
import { EventLogError, type Draft, type Position } from '@meridian/event-log';
import { BlockBuilder } from './block';
import type { Write } from '@meridian/level';

/** A group takes no more calls when its blocks have grown beyond this: bounds the memory and the time of one write. */
export const GROUP_BYTES = 4 * 1024 * 1024;

/** Bytes of records waiting to be written: beyond this, appends are refused. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** Of one value: far beyond any event. */
export const VALUE_BYTES_MAX = 8 * 1024 * 1024;

/** Where the blocks of a partition go, and with what in their heads. */
export interface Place {
  readonly offset: number;
  readonly time: number;
  readonly epoch: number;
}

/** What the appender needs of the log. */
export interface Target {
  place(partition: number): Place;
  key(partition: number, offset: number): Buffer;
  /** Resolves when all are on disk. */
  write(puts: Write[]): Promise<void>;
  /** The group is on disk: its partitions end here now. */
  wrote(ends: ReadonlyMap<number, Place>): void;
}

export class Appender {
  private readonly waiting: Group[] = [];
  private waitingBytes = 0;
  private writing: Promise<void> | undefined;

  constructor(private readonly target: Target) {}

  append(drafts: readonly Draft[]): Promise<readonly Position[]> {
    if (this.waitingBytes > WAITING_BYTES_MAX) throw new EventLogError('log_unavailable', 'too much is waiting to be written');
    let group = this.waiting.at(-1);
    if (!group || group.bytes > GROUP_BYTES) {
      group = new Group();
      this.waiting.push(group);
    }
    const before = group.bytes;
    const answer = group.add(drafts);
    this.waitingBytes += group.bytes - before;
    this.writing ??= this.run();
    return answer;
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async run(): Promise<void> {
    // What else arrives in this turn of the event loop's queue of promises comes along.
    await Promise.resolve();
    for (let group = this.waiting.shift(); group; group = this.waiting.shift()) {
      this.waitingBytes -= group.bytes;
      try {
        await this.write(group);
      } catch (error) {
        for (const one of [group, ...this.waiting.splice(0)]) one.reject(error);
        this.waitingBytes = 0;
      }
    }
    this.writing = undefined;
  }

  private async write(group: Group): Promise<void> {
    const places = new Map([...group.blocks.keys()].map((partition) => [partition, this.target.place(partition)]));
    const ends = new Map<number, Place>();
    const puts: Write[] = [];
    for (const [partition, place] of places) {
      let offset = place.offset;
      for (const block of group.blocks.get(partition) ?? []) {
        puts.push({ type: 'put', key: this.target.key(partition, offset), value: block.seal(place.time, place.epoch) });
        offset += block.count;
      }
      ends.set(partition, { ...place, offset });
    }
    await this.target.write(puts);
    this.target.wrote(ends);
    group.resolve(new Map([...places].map(([partition, { offset }]) => [partition, offset])));
  }
}

interface Call {
  /** Of each draft, in the order given. The drafts themselves are in the blocks by then. */
  readonly partitions: readonly number[];
  readonly answer: PromiseWithResolvers<readonly Position[]>;
}

/** Calls that are written together. */
class Group {
  readonly blocks = new Map<number, BlockBuilder[]>();
  bytes = 0;
  private readonly calls: Call[] = [];

  add(drafts: readonly Draft[]): Promise<readonly Position[]> {
    for (const draft of drafts) {
      const block = this.blockFor(draft.partition);
      const before = block.size;
      block.add(draft);
      this.bytes += block.size - before;
    }
    const answer = Promise.withResolvers<readonly Position[]>();
    this.calls.push({ partitions: drafts.map(({ partition }) => partition), answer });
    return answer.promise;
  }

  /** `next`: the offset of the group's first record in each partition. */
  resolve(next: Map<number, number>): void {
    for (const { partitions, answer } of this.calls) {
      const positions = partitions.map((partition) => {
        const offset = next.get(partition) ?? NaN;
        next.set(partition, offset + 1);
        return { partition, offset };
      });
      answer.resolve(positions);
    }
  }

  reject(error: unknown): void {
    for (const { answer } of this.calls) answer.reject(error);
  }

  private blockFor(partition: number): BlockBuilder {
    const blocks = this.blocks.get(partition);
    const last = blocks?.at(-1);
    if (last && !last.isFull) return last;
    const block = new BlockBuilder(last);
    if (blocks) blocks.push(block);
    else this.blocks.set(partition, [block]);
    return block;
  }
}
