/**
 * One member of the group and what it does with its partitions. In turn: join, `assigned`, deliver, and when the group
 * rebalances `revoked`, wait for the last `records`, join again. So the next holder starts after the last one has given
 * up, if that gives up within the rebalance timeout.
 */
import type { Clock } from '@meridian/accounting';
import { EventLogError, type Assignee, type Extent, type Incarnation, type Membership } from '@meridian/event-log';
import { Coordination, type CoordinationOptions, type Generation } from './coordination';
import { Delivery } from './delivery';
import { Watchdog } from './watchdog';

export interface MemberOptions extends CoordinationOptions {
  readonly clock: Clock;
  readonly assignee: Assignee;
  /** As it was when the log was opened. */
  readonly incarnation: Incarnation;
  /** Asked over another connection than those that deliver. */
  readonly describe: () => Promise<Incarnation>;
  readonly extents: () => Promise<readonly Extent[]>;
  readonly onOut: () => void;
}

export class Member implements Membership {
  private readonly leaving = new AbortController();
  private readonly coordination: Coordination;
  private readonly deliveries = new Map<number, Delivery>();
  private readonly ended: Promise<void>;
  private isOut = false;

  constructor(private readonly options: MemberOptions) {
    this.coordination = new Coordination(options);
    const watchdog = new Watchdog({ ...options, deliveries: this.deliveries, onFailed: (error) => this.fail(error), signal: this.leaving.signal });
    this.ended = Promise.all([this.run(), watchdog.run()]).then(() => options.onOut());
  }

  async close(): Promise<void> {
    this.leaving.abort();
    await this.ended;
  }

  /** Puts it out of the group for good. */
  fail(error: unknown): void {
    if (this.isOut) return;
    this.isOut = true;
    for (const delivery of this.deliveries.values()) void delivery.stop();
    this.leaving.abort();
    this.options.assignee.failed(error instanceof Error ? error : new EventLogError('log_invalid', 'the consumer rejected', { cause: error }));
  }

  private async run(): Promise<void> {
    try {
      while (!this.leaving.signal.aborted) await this.serve(await this.coordination.enter(this.leaving.signal));
      this.isOut = true;
    } catch (error) {
      // A join that was given up because the member leaves is no failure.
      if (this.leaving.signal.aborted) this.isOut = true;
      else this.fail(error);
    }
    await this.coordination.leave();
  }

  private async serve({ partitions, over }: Generation): Promise<void> {
    const end = AbortSignal.any([over, this.leaving.signal]);
    if (partitions.length === 0) return aborted(end);
    if (end.aborted) return;
    await this.take(partitions, end);
    await aborted(end);
    if (!this.hasFailed()) await this.giveUp(partitions);
    this.deliveries.clear();
  }

  private async take(partitions: readonly number[], end: AbortSignal): Promise<void> {
    const starts = await this.options.assignee.assigned(partitions);
    for (const partition of partitions) {
      const from = starts.get(partition);
      if (from === undefined) throw new EventLogError('log_invalid', `no start offset was given for partition ${partition}`);
      if (end.aborted) return;
      this.deliveries.set(partition, new Delivery({ ...this.options, partition, from, onFailed: (error) => this.fail(error) }));
    }
  }

  private async giveUp(partitions: readonly number[]): Promise<void> {
    const ended = [...this.deliveries.values()].map((delivery) => delivery.stop());
    // First: a member that retries for as long as the partition is its own ends only when it is told.
    await this.options.assignee.revoked(partitions);
    await Promise.all(ended);
  }

  /** A method, because `isOut` changes while `run` waits. */
  private hasFailed(): boolean {
    return this.isOut;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
