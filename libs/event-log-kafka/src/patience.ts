/** Waiting out what passes by itself, up to a deadline. */
import { MeridianError, type Clock } from '@meridian/accounting';
import { EventLogError } from '@meridian/event-log';
import { translate } from './errors';

const BACKOFF_MS = 50;
const BACKOFF_MAX_MS = 2_000;

/** Doubles with every failure in a row, from 50 ms to 2 s. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS * 2 ** failures, BACKOFF_MAX_MS);
}

export interface Patience {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** For the message of the error. */
  readonly doing: string;
  /** Ends the waiting: the last failure is then the answer. */
  readonly signal?: AbortSignal;
}

/** Again and again while it fails with something that may pass. Rejects with an error of the port. */
export async function patiently<T>({ clock, deadlineMs, doing, signal }: Patience, act: () => Promise<T>): Promise<T> {
  const until = clock.now() + deadlineMs;
  for (let failures = 0; ; failures++) {
    try {
      return await act();
    } catch (error) {
      const failure = translate(error, doing);
      const waitMs = backoffMs(failures);
      if (signal?.aborted === true || clock.now() + waitMs > until || !isPassing(failure)) throw failure;
      await clock.sleep(waitMs, signal);
    }
  }
}

export function isPassing(error: Error): boolean {
  return error instanceof MeridianError && error.retryable;
}

/** Its answer, or `log_unavailable` after `ms`. What was asked for may go on. */
export async function within<T>(clock: Clock, ms: number, doing: string, asked: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = clock.sleep(ms, answered.signal).then(() => {
    // Woken by the answer: an error that nobody sees costs a look at the stack all the same.
    if (answered.signal.aborted) return asked;
    throw new EventLogError('log_unavailable', `${doing}: no answer in ${ms} ms`);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    answered.abort(doing);
  }
}
