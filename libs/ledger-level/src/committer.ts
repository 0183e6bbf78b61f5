/**
 * Writes by groups: while one group is being written, what arrives is gathered into the next. Each change is judged,
 * in the order of arrival, against the stored rows and the group's changes before it; a group is written as one, so
 * that conditions are atomic and an answer is only given when all that it rests on is on disk.
 */
import { LedgerError } from '@meridian/ledger';
import { translate } from './errors';
import type { Level, Write } from '@meridian/level';

/** What a change sees: the stored row of a key that it named. */
export type Look = (key: Buffer) => Buffer | undefined;

/** One caller's change. */
export interface Change<Answer> {
  /** Of the rows that it looks at. */
  readonly keys: readonly Buffer[];
  /** About how much it writes. */
  readonly bytes: number;
  /** Decides on what is there, adds what it writes, and gives the answer for when that is on disk. */
  judge(look: Look, write: (write: Write) => void): Answer;
}

export interface Target {
  opened(): Level;
  write(writes: Write[]): Promise<void>;
  /** Around each group: numbers are given out from what is on disk, and taken over when the group is. */
  begin(): void;
  wrote(): void;
}

/** A group is closed when it has grown beyond this: bounds the memory and the time of one write. */
const GROUP_BYTES = 4 * 1024 * 1024;
const GROUP_CHANGES = 2_000;

/** Bytes of changes waiting to be written: beyond this, they are refused. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

interface Waiting {
  readonly change: Change<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class Committer {
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private writing: Promise<void> | undefined;

  constructor(private readonly target: Target) {}

  commit<Answer>(change: Change<Answer>): Promise<Answer> {
    if (this.waitingBytes > WAITING_BYTES_MAX) throw new LedgerError('ledger_throttled', 'too much is waiting to be written');
    this.waitingBytes += change.bytes;
    return new Promise<Answer>((resolve, reject) => {
      this.waiting.push({ change, resolve: resolve as (answer: unknown) => void, reject });
      this.writing ??= this.run();
    });
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    await this.writing;
  }

  private async run(): Promise<void> {
    // What else arrives before the queue of promises is empty comes along.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const group = this.nextGroup();
      try {
        await this.write(group);
      } catch (error) {
        for (const { reject } of group) reject(error);
        this.refuseWaiting(error);
      }
    }
    this.writing = undefined;
  }

  private nextGroup(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { change } of this.waiting) {
      if (bytes > GROUP_BYTES || count === GROUP_CHANGES) break;
      bytes += change.bytes;
      count++;
    }
    this.waitingBytes -= bytes;
    return this.waiting.splice(0, count);
  }

  private async write(group: readonly Waiting[]): Promise<void> {
    const rows = await this.load(group);
    const writes: Write[] = [];
    const write = (one: Write): void => {
      writes.push(one);
      rows.set(nameOf(one.key), one.type === 'put' ? one.value : undefined);
    };
    this.target.begin();
    const answers = group.map(({ change }) => change.judge((key) => rows.get(nameOf(key)), write));
    if (writes.length > 0) await this.target.write(writes);
    this.target.wrote();
    group.forEach(({ resolve }, at) => resolve(answers[at]));
  }

  private async load(group: readonly Waiting[]): Promise<Map<string, Buffer | undefined>> {
    const keys = new Map<string, Buffer>();
    for (const { change } of group) for (const key of change.keys) keys.set(nameOf(key), key);
    try {
      const values = await this.target.opened().getMany([...keys.values()]);
      return new Map([...keys.keys()].map((name, at) => [name, values[at]]));
    } catch (error) {
      throw translate(error, 'reading before a write');
    }
  }

  /** They were not tried: whatever became of the group before them, they are not applied. */
  private refuseWaiting(error: unknown): void {
    const refusal = error instanceof LedgerError ? new LedgerError('ledger_unavailable', error.message, { cause: error }) : error;
    for (const { reject } of this.waiting.splice(0)) reject(refusal);
    this.waitingBytes = 0;
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
