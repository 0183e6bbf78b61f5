/**
 * The outbox of a replica: what it wrote itself, numbered densely from 1 in the order of the writes, each in the same
 * batch as its row. Held until every other replica has it; read by the replicator.
 */
import { invariant } from '@meridian/accounting';
import type { ReplicatedRow } from './change';
import type { Level } from '@meridian/level';
import { decodeNumber, outboxKey, outboxNumber, TRIMMED_KEY } from './keys';
import { decodeOutboxRow, type OutboxRow } from './row';

export interface OutboxPage {
  readonly rows: readonly ReplicatedRow[];
  /** Number of the last of `rows`. */
  readonly through: number;
  /** Write time of the first row that was not yet wanted; absent when there is none. */
  readonly nextTime?: number;
}

export class Outbox {
  /** Numbers of the last row that is on disk and of the last that was trimmed. */
  private state = { last: 0, trimmed: 0 };
  /** The same with the group that is being written. */
  private pending = this.state;
  private readonly listeners = new Set<() => void>();

  get last(): number {
    return this.state.last;
  }

  get trimmed(): number {
    return this.state.trimmed;
  }

  async load(level: Level): Promise<void> {
    const trimmed = decodeNumber(await level.get(TRIMMED_KEY));
    const [last] = await level.keys({ gte: outboxKey(trimmed), lte: outboxKey(Number.MAX_SAFE_INTEGER), reverse: true, limit: 1 }).all();
    this.state = { trimmed, last: Math.max(trimmed, last ? outboxNumber(last) : 0) };
    this.ring();
  }

  /** Calls `listener` whenever there is more. Answers how to stop that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Up to `limit` rows after number `after`, as long as `isWanted` says so of their write times. */
  async read(level: Level, after: number, limit: number, isWanted: (time: number) => boolean): Promise<OutboxPage> {
    const { last } = this.state;
    const entries = await level.iterator({ gt: outboxKey(after), lte: outboxKey(last), limit }).all();
    const found = entries.map(([key, value], at) => {
      invariant(outboxNumber(key) === after + 1 + at, `outbox row ${after + 1 + at} is there`);
      return decodeOutboxRow(value);
    });
    const unwanted = found.findIndex(({ time }) => !isWanted(time));
    const next = unwanted < 0 ? undefined : found[unwanted];
    const wanted = unwanted < 0 ? found : found.slice(0, unwanted);
    return { rows: await resolve(level, wanted), through: after + wanted.length, ...(next ? { nextTime: next.time } : {}) };
  }

  begin(): void {
    this.pending = { ...this.state };
  }

  nextNumber(): number {
    return ++this.pending.last;
  }

  trimTo(number: number): void {
    this.pending.trimmed = number;
  }

  wrote(): void {
    const isMore = this.pending.last > this.state.last;
    this.state = this.pending;
    if (isMore) this.ring();
  }

  private ring(): void {
    for (const listener of this.listeners) listener();
  }
}

/** Looks up the rows that are only named. */
async function resolve(level: Level, found: readonly OutboxRow[]): Promise<ReplicatedRow[]> {
  const named = found.filter(({ row }) => !row).map(({ key }) => key);
  const rows = (await level.getMany(named)).values();
  return found.map(({ key, row }) => {
    const whole = row ?? rows.next().value;
    invariant(whole, 'a row named in the outbox is there');
    return { key, row: whole };
  });
}
