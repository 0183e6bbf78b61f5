/** The machine's clock. */
import type { Clock } from '@meridian/accounting';

/** A timer takes at most this many ms (2^31 − 1); beyond, it would fire at once. */
const TIMER_MS_MAX = 0x7fff_ffff;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    for (let rest = ms; rest > 0 && signal?.aborted !== true; rest -= TIMER_MS_MAX) await wait(Math.min(rest, TIMER_MS_MAX), signal);
  },
};

/** Leaves neither a timer nor a listener behind, whichever ends it. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
