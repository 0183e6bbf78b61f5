/**
 * Looks from outside whether records still come: the ends of the log, asked for over another connection, against what
 * has been taken in. Behind and no progress: the partition is read over a new connection once, then the member fails.
 * Also whether the topic is still the one that was opened: one that is gone or has got more partitions needs a person or
 * a restart. (That the brokers are of another cluster is seen by whoever connects: `link.ts`.)
 */
import type { Clock } from '@meridian/accounting';
import { EventLogError, type Extent, type Incarnation } from '@meridian/event-log';
import { guardError, translate } from './errors';
import { STALL_MS, WATCH_MS, type KafkaGroupOptions } from './options';
import { isPassing } from './patience';
import { missing } from './topic';

/** What the watchdog sees of a delivery. */
export interface Watched {
  /** First offset that has not been taken in. */
  readonly position: number;
  /** Waits for the member, not for the log. */
  readonly isBusy: boolean;
  reconnect(): void;
}

export interface WatchdogOptions extends Pick<KafkaGroupOptions, 'watchMs' | 'stallMs'> {
  readonly clock: Clock;
  readonly incarnation: Incarnation;
  readonly describe: () => Promise<Incarnation>;
  readonly extents: () => Promise<readonly Extent[]>;
  /** By partition; changes with every rebalance. */
  readonly deliveries: ReadonlyMap<number, Watched>;
  readonly onFailed: (error: Error) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

interface Sight {
  readonly position: number;
  /** When it was first seen there, ms. */
  readonly since: number;
  readonly hasReconnected: boolean;
}

export class Watchdog {
  private readonly sights = new WeakMap<Watched, Sight>();

  constructor(private readonly options: WatchdogOptions) {}

  async run(): Promise<void> {
    const { clock, signal, watchMs = WATCH_MS, onFailed } = this.options;
    for (;;) {
      await clock.sleep(watchMs, signal);
      if (signal.aborted) return;
      try {
        await this.look();
      } catch (error) {
        const failure = missing(error, this.options.incarnation.topic) ?? translate(error, 'watching the log');
        // The log cannot be reached: whether anything is behind cannot be told, and the deliveries try for themselves.
        if (isPassing(failure)) continue;
        onFailed(failure);
        return;
      }
    }
  }

  private async look(): Promise<void> {
    const { describe, extents, incarnation, deliveries } = this.options;
    assertSame(incarnation, await describe());
    const ends = await extents();
    for (const [partition, delivery] of deliveries) this.watch(partition, delivery, ends[partition]?.end ?? 0);
  }

  private watch(partition: number, delivery: Watched, end: number): void {
    const { clock, onFailed, stallMs = STALL_MS } = this.options;
    const now = clock.now();
    const { position } = delivery;
    const last = this.sights.get(delivery);
    if (last?.position !== position || delivery.isBusy || position >= end) {
      this.sights.set(delivery, { position, since: now, hasReconnected: false });
      return;
    }
    if (now - last.since < stallMs) return;
    if (last.hasReconnected) {
      onFailed(new EventLogError('log_unavailable', `no progress: partition ${partition} stands at ${position} of ${end} for ${stallMs} ms, also over a new connection`));
      return;
    }
    this.sights.set(delivery, { position, since: now, hasReconnected: true });
    delivery.reconnect();
  }
}

function assertSame(opened: Incarnation, found: Incarnation): void {
  if (found.partitions === opened.partitions) return;
  throw guardError('log_repartitioned', `topic ${found.topic} has ${found.partitions} partitions now, not ${opened.partitions}: restart to register them`);
}
