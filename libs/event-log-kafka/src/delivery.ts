/**
 * The delivery of one partition to one member: fetches, hands over, and fetches the next while those are taken in. Over
 * a connection of its own: Kafka answers the requests of a connection one after the other, so that a long poll for one
 * partition would hold up the others. Nothing is handed over once it has been stopped: that is the generation's fence.
 */
import type { Clock } from '@meridian/accounting';
import { DELIVERY_RECORDS_MAX, type Assignee, type LogRecord } from '@meridian/event-log';
import { guardError, isType, translate } from './errors';
import { fetchRecords } from './fetch';
import { Link, type LinkOptions } from './link';
import { FETCH_WAIT_MS, type KafkaGroupOptions } from './options';
import { backoffMs, isPassing } from './patience';

/** At most twice that per partition is in memory: what is taken in, and what comes next. */
const FETCH_BYTES = 1024 * 1024;

export interface DeliveryOptions extends LinkOptions, Pick<KafkaGroupOptions, 'fetchWaitMs'> {
  readonly topic: string;
  readonly clock: Clock;
  readonly partition: number;
  /** First offset to hand over. */
  readonly from: number;
  readonly assignee: Pick<Assignee, 'records'>;
  readonly onFailed: (error: unknown) => void;
}

export class Delivery {
  private readonly stopped = new AbortController();
  private readonly done: Promise<void>;
  private link: Link | undefined;
  private next: number;
  private epoch = 0;
  private isHandingOver = false;

  constructor(private readonly options: DeliveryOptions) {
    this.next = options.from;
    this.done = this.run().catch((error: unknown) => options.onFailed(error));
  }

  /** First offset that has not been taken in. */
  get position(): number {
    return this.next;
  }

  /** The member has records and does not want more yet. */
  get isBusy(): boolean {
    return this.isHandingOver;
  }

  /** Resolves when the member's last `records` has settled; none comes after the call. */
  stop(): Promise<void> {
    this.stopped.abort();
    this.link?.close();
    return this.done;
  }

  /** Fetches over a new connection from now on. */
  reconnect(): void {
    this.link?.close();
  }

  private async run(): Promise<void> {
    let coming = this.fetch(this.next);
    while (!this.stopped.signal.aborted) {
      const records = await coming;
      coming = this.fetch((records.at(-1)?.offset ?? this.next - 1) + 1);
      // Its failure is met when these have been taken in.
      coming.catch(() => undefined);
      for (let at = 0; at < records.length; at += DELIVERY_RECORDS_MAX) await this.handOver(records.slice(at, at + DELIVERY_RECORDS_MAX));
    }
  }

  private async handOver(records: readonly LogRecord[]): Promise<void> {
    if (this.stopped.signal.aborted) return;
    this.isHandingOver = true;
    await this.options.assignee.records(this.options.partition, records);
    this.next += records.length;
    this.isHandingOver = false;
  }

  /** Waits until there are records; none when it was stopped. While the log cannot be reached it tries again: the log keeps. */
  private async fetch(offset: number): Promise<readonly LogRecord[]> {
    const { topic, partition, clock, fetchWaitMs = FETCH_WAIT_MS } = this.options;
    for (let failures = 0; !this.stopped.signal.aborted; ) {
      const link = (this.link ??= new Link(this.options, topic));
      try {
        const records = await fetchRecords(link, { topic, partition, offset, bytesMax: FETCH_BYTES, waitMs: fetchWaitMs });
        failures = 0;
        this.epoch = epochAfter(records, this.epoch);
        if (records.length > 0) return records;
      } catch (error) {
        link.close();
        this.link = undefined;
        const failure = this.failure(error, offset);
        if (this.stopped.signal.aborted) break;
        if (!isPassing(failure)) throw failure;
        await clock.sleep(backoffMs(failures++), this.stopped.signal);
      }
    }
    return [];
  }

  private failure(error: unknown, offset: number): Error {
    const { topic, partition } = this.options;
    if (!isType(error, 'OFFSET_OUT_OF_RANGE')) return translate(error, `reading ${partition}:${offset}`);
    const what = `offset ${offset} of partition ${partition} of topic ${topic} is not there: it was removed before it was read, or the log was truncated`;
    return guardError('log_out_of_range', what, { cause: error, partition });
  }
}

/** Rejects records of a leader of an earlier epoch: it does not know what later ones have written, and some of that was taken in. */
export function epochAfter(records: readonly LogRecord[], before: number): number {
  let last = before;
  for (const { partition, offset, epoch } of records) {
    if (epoch < last) {
      const what = `the leader epoch of ${partition}:${offset} went back from ${last} to ${epoch}: the log was truncated or replaced`;
      throw guardError('log_rewound', what, { partition });
    }
    last = epoch;
  }
  return last;
}
