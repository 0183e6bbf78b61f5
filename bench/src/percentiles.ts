/** Percentiles of what was waited for, also when some of it never came. */
import { round } from './result';

/** ms; `> N` when it had not come after N ms; null of no values. */
export type Percentile = number | string | null;

export interface Percentiles {
  readonly p50Ms: Percentile;
  readonly p99Ms: Percentile;
}

/** Of values in ms. `Infinity` is what had not come after `waitedMs`: it counts, as later than all that came. */
export function percentiles(values: readonly number[], waitedMs = Infinity): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): Percentile => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    if (value === undefined) return null;
    return value === Infinity ? `> ${waitedMs}` : round(value, 2);
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
