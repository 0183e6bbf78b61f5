/** Loops and bounded concurrency over ports: nothing here reads a clock that it was not given. */
import { MeridianError, type Clock, type Random } from '@meridian/accounting';
import type { Probe } from './probe';

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
  readonly signal: AbortSignal;
}

/** First and longest wait before a retry, ms; doubled each time, with full jitter. */
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 5_000;

/**
 * Calls `act` until it answers, waiting longer each time after a retryable error. Rejects with the first error that is
 * not retryable, or with the last one when the signal is aborted.
 */
export async function retrying<T>(what: string, options: LoopOptions, act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof MeridianError) || !error.retryable || options.signal.aborted) throw error;
      const afterMs = Math.ceil(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10)) * options.random.next());
      options.probe.retrying({ what, error, afterMs });
      await options.clock.sleep(afterMs, options.signal);
    }
  }
}

/** Calls `step` every so often (from the end of one to the start of the next) until the signal is aborted. */
export async function repeating(what: string, intervalMs: number | (() => number), options: LoopOptions, step: () => Promise<unknown>): Promise<void> {
  while (!options.signal.aborted) {
    try {
      await retrying(what, options, step);
    } catch (error) {
      if (options.signal.aborted) return;
      throw error;
    }
    await options.clock.sleep(typeof intervalMs === 'number' ? intervalMs : intervalMs(), options.signal);
  }
}

/** Calls `act` for every item, at most `limit` at a time; rejects with the first error, after those under way ended. */
export async function eachLimited<T>(items: Iterable<T>, limit: number, act: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (!failure) {
      const next = iterator.next();
      if (next.done === true) return;
      try {
        await act(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}

/**
 * Runs `work` `times` times at once on the same items: whoever is free takes the next one, until there is none. Rejects
 * with the first error, after all have ended.
 */
export async function sharing<T>(items: readonly T[], times: number, work: (next: () => T | undefined) => Promise<void>): Promise<void> {
  let at = 0;
  const next = (): T | undefined => items[at++];
  const ends = await Promise.allSettled(Array.from({ length: Math.min(times, items.length) }, () => work(next)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Runs one task at a time, in the order asked. */
export class Serial {
  private tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(task);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
