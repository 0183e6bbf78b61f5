/** One number for how often things happen in the embedded regions: small for demos and tests, large for few writes. */
import type { Pace } from './embedded-region';

/** As the services have it by default. */
export const INTERVAL_DEFAULT_MS = 1_000;

/** Idle logs are flushed, and arrivals looked at, this many times in an interval. */
const STEPS = 5;

/** Ends are sampled, buffers flushed and cuts made about every `intervalMs`. */
export function paceOf(intervalMs: number): Pace {
  const stepMs = Math.max(1, Math.round(intervalMs / STEPS));
  return {
    fold: { flushAgeMs: intervalMs, flushIdleMs: stepMs },
    allocate: { cutIntervalMs: intervalMs },
    sampleIntervalMs: intervalMs,
    loopIntervalMs: stepMs,
  };
}
