/**
 * Appends grouped into few sends, without a timer: what waits goes out as soon as fewer than two sends are in flight, so
 * one append alone is sent at once and many at a time share a send. A partition is in one send at a time: its records
 * keep the order they were given in.
 */
import { invariant, type Clock } from '@meridian/accounting';
import { EventLogError, type Draft, type Position } from '@meridian/event-log';
import { translate } from './errors';
import { APPEND_DEADLINE_MS, BATCH_BYTES_MAX, SENDS_IN_FLIGHT_MAX, type KafkaAppendOptions } from './options';
import { backoffMs, isPassing } from './patience';
import type { Send } from './producer';
import { draftBytes } from './record';

/** Bytes of records waiting to be sent: beyond this, appends are refused. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export interface AppenderOptions extends Pick<KafkaAppendOptions, 'appendDeadlineMs' | 'batchBytesMax' | 'sendsInFlightMax'> {
  readonly partitions: number;
  /** What the topic takes in one batch. */
  readonly topicBytesMax: number;
  readonly clock: Clock;
  readonly send: Send;
}

interface Call {
  readonly positions: Position[];
  /** Records not acknowledged yet. */
  open: number;
  isSettled: boolean;
  readonly answer: PromiseWithResolvers<readonly Position[]>;
}

interface Item {
  readonly call: Call;
  /** Place in the call. */
  readonly at: number;
  readonly draft: Draft;
  readonly bytes: number;
}

interface Lane {
  readonly partition: number;
  waiting: Item[];
  isSending: boolean;
}

export class Appender {
  private readonly lanes: readonly Lane[];
  private readonly batchBytesMax: number;
  private waitingBytes = 0;
  private sending = 0;
  private isPumping = false;
  private idling: PromiseWithResolvers<void> | undefined;

  constructor(private readonly options: AppenderOptions) {
    this.lanes = Array.from({ length: options.partitions }, (_, partition) => ({ partition, waiting: [], isSending: false }));
    this.batchBytesMax = Math.min(options.batchBytesMax ?? BATCH_BYTES_MAX, options.topicBytesMax);
  }

  /** Throws, with nothing appended, when the call is wrong or too much is waiting. */
  append(drafts: readonly Draft[]): Promise<readonly Position[]> {
    const call: Call = { positions: [], open: drafts.length, isSettled: false, answer: Promise.withResolvers() };
    const items = drafts.map((draft, at): Item => ({ call, at, draft, bytes: draftBytes(draft) }));
    for (const { draft, bytes } of items) {
      this.lane(draft.partition);
      if (bytes > this.options.topicBytesMax) {
        throw new EventLogError('log_invalid', `a record of ${bytes} bytes: the topic takes at most ${this.options.topicBytesMax}`);
      }
    }
    if (this.waitingBytes > WAITING_BYTES_MAX) throw new EventLogError('log_unavailable', 'too much is waiting to be sent');
    for (const item of items) {
      this.lane(item.draft.partition).waiting.push(item);
      this.waitingBytes += item.bytes;
    }
    if (items.length === 0) call.answer.resolve([]);
    this.pumpSoon();
    return call.answer.promise;
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (this.sending === 0 && this.waitingBytes === 0) return Promise.resolve();
    this.idling ??= Promise.withResolvers();
    return this.idling.promise;
  }

  /** What else is appended in this turn of the queue of promises comes along. */
  private pumpSoon(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    void Promise.resolve().then(() => {
      this.isPumping = false;
      this.pump();
    });
  }

  private pump(): void {
    while (this.sending < (this.options.sendsInFlightMax ?? SENDS_IN_FLIGHT_MAX)) {
      const items = this.lanes.filter(({ isSending }) => !isSending).flatMap((lane) => this.take(lane));
      if (items.length === 0) break;
      this.sending++;
      void this.run(items);
    }
    if (this.sending === 0 && this.waitingBytes === 0) this.idling?.resolve();
  }

  /** The next batch of a partition. What belongs to a call that has failed already is dropped. */
  private take(lane: Lane): Item[] {
    const batch: Item[] = [];
    let bytes = 0;
    let end = 0;
    for (const item of lane.waiting) {
      if (!item.call.isSettled) {
        if (batch.length > 0 && bytes + item.bytes > this.batchBytesMax) break;
        batch.push(item);
        bytes += item.bytes;
      }
      this.waitingBytes -= item.bytes;
      end++;
    }
    lane.waiting = lane.waiting.slice(end);
    lane.isSending = batch.length > 0;
    return batch;
  }

  private async run(items: readonly Item[]): Promise<void> {
    const { clock, send, appendDeadlineMs = APPEND_DEADLINE_MS } = this.options;
    const batches = Map.groupBy(items, ({ draft }) => draft.partition);
    const until = clock.now() + appendDeadlineMs;
    for (let failures = 0; ; failures++) {
      const outcomes = await send(new Map([...batches].map(([partition, batch]) => [partition, batch.map(({ draft }) => draft)])));
      const waitMs = backoffMs(failures);
      for (const [partition, batch] of batches) {
        const outcome = outcomes.get(partition);
        invariant(outcome, `a send answers for partition ${partition}`);
        // Again only when nothing was appended, by what the broker says: else the caller has to know.
        if ('error' in outcome && outcome.isUnsent && isPassing(translate(outcome.error, 'appending')) && clock.now() + waitMs <= until) continue;
        if ('error' in outcome) this.refuse(partition, batch, outcome.error);
        else acknowledge(batch, outcome.base);
        batches.delete(partition);
        this.lane(partition).isSending = false;
      }
      if (batches.size === 0) break;
      // The partitions that are through need not wait for those that are not.
      this.pump();
      await clock.sleep(waitMs);
    }
    this.sending--;
    this.pump();
  }

  /** Whatever waits for the same partition fails with it, or it would wait for one deadline after the other. */
  private refuse(partition: number, batch: readonly Item[], error: unknown): void {
    const failure = translate(error, 'appending');
    for (const { call } of [...batch, ...this.lane(partition).waiting]) reject(call, failure);
  }

  private lane(partition: number): Lane {
    const lane = this.lanes[partition];
    if (!lane) throw new EventLogError('log_invalid', `there is no partition ${partition}`);
    return lane;
  }
}

/** Offsets are dense within a batch: the broker answers the first. */
function acknowledge(batch: readonly Item[], base: number): void {
  for (const [i, { call, at, draft: { partition } }] of batch.entries()) {
    call.positions[at] = { partition, offset: base + i };
    call.open--;
    if (call.open > 0 || call.isSettled) continue;
    call.isSettled = true;
    call.answer.resolve(call.positions);
  }
}

function reject(call: Call, failure: Error): void {
  if (call.isSettled) return;
  call.isSettled = true;
  call.answer.reject(failure);
}
