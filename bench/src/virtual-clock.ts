/** A clock whose time passes only when `run` lets it: an hour of the pipeline's own timing in a few seconds. */
import type { Clock } from '@meridian/accounting';
import { Scheduler } from '@meridian/simulation';

export class VirtualClock implements Clock {
  private readonly scheduler = new Scheduler();

  /** ms since the epoch. */
  constructor(start: number) {
    this.scheduler.now = start;
  }

  now(): number {
    return this.scheduler.now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        signal?.removeEventListener('abort', end);
        resolve();
      };
      signal?.addEventListener('abort', end, { once: true });
      this.scheduler.after(ms, end);
    });
  }

  /** Runs `act` at `time`. */
  at(time: number, act: () => void): void {
    this.scheduler.after(time - this.scheduler.now, act);
  }

  /** Lets time pass until `until`, or until `isDone`. Nothing but promises and this clock may be waited for. */
  run(until: number, isDone: () => boolean = () => false): Promise<void> {
    return this.scheduler.run(until, isDone);
  }
}
