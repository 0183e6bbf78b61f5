/**
 * A process of the simulated world. Everything it learns from outside comes through `call` and `sleep`: a dead process
 * never learns anything again (its code just stops where it waits), a paused one learns it when it wakes up.
 */
import type { Clock } from '@meridian/accounting';
import type { SeededRandom } from './random';
import type { Scheduler } from './scheduler';

export class SimProcess {
  readonly clock: Clock;
  isAlive = true;
  /** When it was paused; undefined while it runs. */
  pausedAt: number | undefined;
  /** Set for a while: how far the clock is ahead of what it would show, ms. */
  aheadMs = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    readonly name: string,
    readonly scheduler: Scheduler,
    readonly random: SeededRandom,
    /** Its clock shows this much more than true time, ms. */
    private readonly skewMs: number,
  ) {
    this.clock = { now: () => this.wall + this.aheadMs, sleep: (ms, signal) => this.sleep(ms, signal) };
  }

  /** By which a table orders what this process wrote: not its own clock's affair when that is set. */
  get wall(): number {
    return this.scheduler.now + this.skewMs;
  }

  kill(): void {
    this.isAlive = false;
    this.waiting.length = 0;
  }

  pause(): void {
    this.pausedAt ??= this.scheduler.now;
  }

  resume(): void {
    this.pausedAt = undefined;
    for (const act of this.waiting.splice(0)) act();
  }

  /** Runs `act` in this process: now, when it wakes, or never. */
  deliver(act: () => void): void {
    if (!this.isAlive) return;
    if (this.pausedAt !== undefined) this.waiting.push(act);
    else act();
  }

  /**
   * A request: `serve` runs at the server after a while, its outcome comes back after another. What was sent is served
   * even when the sender is dead by then.
   */
  call<T>(meanMs: number, serve: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.isAlive) return;
      this.scheduler.after(this.random.delay(meanMs), () => {
        const outcome = attempt(serve, resolve, reject);
        this.scheduler.after(this.random.delay(meanMs), () => this.deliver(outcome));
      });
    });
  }

  private sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.deliver(resolve);
      };
      signal?.addEventListener('abort', wake);
      this.scheduler.after(ms, wake);
    });
  }
}

/** Does it now; how the caller learns of it is the answer. */
function attempt<T>(serve: () => T, resolve: (answer: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const answer = serve();
    return () => resolve(answer);
  } catch (error) {
    return () => reject(error);
  }
}
