/**
 * The delivery of one partition to one member: reads from an offset on, hands over one batch, waits for the member,
 * reads the next. Waits for new records by a bell, never by a timer.
 */
import { MeridianError } from '@meridian/accounting';
import type { Assignee, EventLog } from './event-log';

/** Records handed over at once: bounds a member's memory; large enough that the wait between batches does not show. */
export const DELIVERY_RECORDS_MAX = 1_000;

export type RecordSource = Pick<EventLog, 'read'>;

/** Wakes whoever waits for news of a partition. Nobody waiting: nothing happens. */
export class Bell {
  private waiting: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next ring. Ask before looking, so that no news falls between the look and the wait. */
  next(): Promise<void> {
    this.waiting ??= Promise.withResolvers();
    return this.waiting.promise;
  }

  ring(): void {
    this.waiting?.resolve();
    this.waiting = undefined;
  }
}

export interface DeliveryOptions {
  readonly source: RecordSource;
  readonly bell: Bell;
  readonly partition: number;
  /** First offset to hand over. */
  readonly from: number;
  readonly assignee: Pick<Assignee, 'records'>;
  readonly onFailed: (error: unknown) => void;
}

export class Delivery {
  private readonly done: Promise<void>;
  private isStopped = false;

  constructor(private readonly options: DeliveryOptions) {
    this.done = this.run().catch((error: unknown) => options.onFailed(error));
  }

  /** Resolves when the member's last `records` has settled; none comes after the call. */
  stop(): Promise<void> {
    this.isStopped = true;
    this.options.bell.ring();
    return this.done;
  }

  private async run(): Promise<void> {
    const { bell, partition, assignee } = this.options;
    let offset = this.options.from;
    while (!this.hasStopped()) {
      const news = bell.next();
      const records = await this.read(offset);
      if (this.hasStopped()) return;
      const last = records.at(-1);
      if (!last) {
        await news;
        continue;
      }
      await assignee.records(partition, records);
      offset = last.offset + 1;
    }
  }

  /** Nothing when the log cannot be read just now: it rings when it can be again. */
  private async read(offset: number): ReturnType<RecordSource['read']> {
    try {
      return await this.options.source.read(this.options.partition, offset, DELIVERY_RECORDS_MAX);
    } catch (error) {
      if (error instanceof MeridianError && error.retryable) return [];
      throw error;
    }
  }

  /** A method, because `isStopped` changes while `run` waits. */
  private hasStopped(): boolean {
    return this.isStopped;
  }
}
