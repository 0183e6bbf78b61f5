/**
 * Applies changes to one region's table: its own stamps, and what the other regions wrote, from a queue per source.
 * Of one item never two at a time, so that a deletion and a write cannot pass each other unseen; apart from that in any
 * order. What is due at once goes in one request, unless the order is to be mixed up.
 */
import { nameOf, verdict, type Change } from './change';
import { dueMs, isCut, type Faults } from './faults';
import type { Stamp } from './stamp';
import type { Outcome, Writer } from './writer';

export interface ApplierParts {
  readonly region: string;
  readonly writer: Writer;
  readonly faults: () => Faults;
  /** Stamp up to which an item is deleted, by `nameOf`. */
  readonly graveOf: (name: string) => Stamp | undefined;
  /** What keeps it from writing; undefined: nothing any more. */
  readonly onTrouble: (what: string | undefined) => void;
}

export interface Lag {
  readonly source: string;
  readonly target: string;
  readonly applied: number;
  readonly waiting: number;
  /** How long the oldest of them has waited, ms; 0 when none does. */
  readonly oldestMs: number;
}

interface Waiting {
  readonly change: Change;
  readonly name: string;
  readonly readMs: number;
  readonly chance: number;
  readonly done: () => void;
  tries: number;
  notBeforeMs: number;
  isAlone: boolean;
}

interface Queue {
  readonly fresh: Set<Waiting>;
  /** Those that had to be put off: looked at first, in whatever order. */
  readonly again: Set<Waiting>;
  applied: number;
}

const REQUESTS_MAX = 16;
/** Requests of many changes: DynamoDB Local works on one at a time. */
const BATCHES_MAX = 4;
const BATCH_MAX = 25;
/** Looked at for what is due, per queue: as far as changes overtake each other. */
const LOOK_MAX = 1_000;
const AGAIN_MS = 25;
const AGAIN_MS_MAX = 1_000;

export class Applier {
  private readonly queues = new Map<string, Queue>();
  private readonly busy = new Set<string>();
  private requests = 0;
  private timer: NodeJS.Timeout | undefined;
  private downUntilMs = 0;
  private failures = 0;
  private isClosed = false;
  private wakeAtMs = Infinity;
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly parts: ApplierParts) {}

  add(source: string, change: Change, done: () => void): void {
    this.queue(source).fresh.add({ change, name: nameOf(change.key), readMs: performance.now(), chance: Math.random(), done, tries: 0, notBeforeMs: 0, isAlone: false });
    this.wake(0);
  }

  /** Faults have changed. */
  poke(): void {
    this.wake(0);
  }

  lag(source: string): Lag {
    const { fresh, again, applied } = this.queue(source);
    const nowMs = performance.now();
    let oldestMs = 0;
    for (const { readMs } of again) oldestMs = Math.max(oldestMs, nowMs - readMs);
    // In the order of reading.
    for (const { readMs } of fresh) {
      oldestMs = Math.max(oldestMs, nowMs - readMs);
      break;
    }
    return { source, target: this.parts.region, applied, waiting: fresh.size + again.size, oldestMs: Math.round(oldestMs) };
  }

  /** Resolves when no request is under way. What waits, waits for the next start. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await Promise.all(this.running);
  }

  private queue(source: string): Queue {
    const known = this.queues.get(source);
    if (known) return known;
    const queue: Queue = { fresh: new Set(), again: new Set(), applied: 0 };
    this.queues.set(source, queue);
    return queue;
  }

  private wake(inMs: number): void {
    const atMs = performance.now() + inMs;
    if (this.isClosed || atMs >= this.wakeAtMs) return;
    clearTimeout(this.timer);
    this.wakeAtMs = atMs;
    this.timer = setTimeout(() => {
      this.wakeAtMs = Infinity;
      this.pump();
    }, inMs);
  }

  private pump(): void {
    const nowMs = performance.now();
    if (nowMs < this.downUntilMs) {
      this.wake(this.downUntilMs - nowMs);
      return;
    }
    let nextMs = Infinity;
    for (const [source, queue] of this.queues) {
      const isOwn = source === this.parts.region;
      const { faults } = this.parts;
      if (!isOwn && isCut(faults(), source, this.parts.region)) continue;
      const isMixed = !isOwn && faults().reorder;
      while (this.requests < (isMixed ? REQUESTS_MAX : BATCHES_MAX)) {
        const { batch, soonestMs } = this.due(queue, { nowMs, isOwn, max: isMixed ? 1 : BATCH_MAX });
        nextMs = Math.min(nextMs, soonestMs);
        if (batch.length === 0) break;
        this.send(queue, batch);
      }
    }
    if (nextMs < Infinity) this.wake(Math.max(1, nextMs - nowMs));
  }

  /** Takes what is due; else says when the next one will be. */
  private due(queue: Queue, { nowMs, isOwn, max }: { readonly nowMs: number; readonly isOwn: boolean; readonly max: number }): { readonly batch: Waiting[]; readonly soonestMs: number } {
    const faults = this.parts.faults();
    const batch: Waiting[] = [];
    let soonestMs = Infinity;
    for (const set of [queue.again, queue.fresh]) {
      let looked = 0;
      for (const one of set) {
        if (batch.length === max || looked++ === LOOK_MAX) break;
        if (this.busy.has(one.name)) continue;
        const atMs = Math.max(one.notBeforeMs, isOwn ? 0 : dueMs(faults, one.readMs, one.chance));
        if (atMs > nowMs) {
          soonestMs = Math.min(soonestMs, atMs);
          continue;
        }
        if (one.isAlone && batch.length > 0) continue;
        batch.push(one);
        this.busy.add(one.name);
        if (one.isAlone) return { batch, soonestMs };
      }
    }
    return { batch, soonestMs };
  }

  private send(queue: Queue, batch: readonly Waiting[]): void {
    this.requests++;
    const sent = this.attempt(queue, batch).finally(() => {
      this.requests--;
      for (const { name } of batch) this.busy.delete(name);
      this.running.delete(sent);
      this.wake(0);
    });
    this.running.add(sent);
  }

  private async attempt(queue: Queue, batch: readonly Waiting[]): Promise<void> {
    const wanted = batch.filter((one) => !this.isDead(one.change, one.name));
    for (const one of batch) if (!wanted.includes(one)) this.settle(queue, one, false);
    if (wanted.length === 0) return;
    try {
      const outcomes = await this.parts.writer.write(wanted.map(({ change }) => change));
      wanted.forEach((one, index) => this.judge(queue, one, outcomes[index]));
      if (this.failures > 0) this.parts.onTrouble(undefined);
      this.failures = 0;
    } catch (error) {
      this.failed(queue, wanted, error as Error);
    }
  }

  private isDead({ kind, stamp }: Change, name: string): boolean {
    const grave = this.parts.graveOf(name);
    return kind === 'put' && grave !== undefined && stamp <= grave;
  }

  private judge(queue: Queue, one: Waiting, outcome: Outcome | undefined): void {
    const isWritten = outcome?.is === 'written';
    const next = outcome?.is === 'refused' ? verdict(one.change, outcome.item) : 'write';
    if (isWritten || next === 'done') this.settle(queue, one, isWritten);
    else this.putOff(queue, one, next === 'wait' ? Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** one.tries++) : 0);
  }

  private settle(queue: Queue, one: Waiting, isWritten: boolean): void {
    queue.fresh.delete(one);
    queue.again.delete(one);
    if (isWritten) queue.applied++;
    one.done();
  }

  private putOff(queue: Queue, one: Waiting, ms: number): void {
    queue.fresh.delete(one);
    queue.again.delete(one);
    one.notBeforeMs = performance.now() + ms;
    queue.again.add(one);
  }

  private failed(queue: Queue, batch: readonly Waiting[], { name, message }: Error): void {
    const isOfRequest = name === 'ValidationException';
    for (const one of batch) {
      one.isAlone ||= isOfRequest;
      this.putOff(queue, one, isOfRequest && batch.length === 1 ? AGAIN_MS_MAX : 0);
    }
    if (!isOfRequest) this.downUntilMs = performance.now() + Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** this.failures++);
    if (!isOfRequest || batch.length === 1) this.parts.onTrouble(`${name}: ${message}`);
  }
}
