/**
 * Two things measured on a machine that others use too: they take turns, round by round, and medians are compared, so
 * that a slow moment hits both.
 */

export interface RoundsOptions {
  /** No further round begins after this many seconds. */
  readonly seconds: number;
  readonly onRound: (round: number) => void;
}

/** Rates of both, one per round. */
export interface Rounds {
  readonly measured: readonly number[];
  readonly ceiling: readonly number[];
}

/** A median of fewer says nothing. */
const ROUNDS_MIN = 5;

/** Each callback does its work once and answers a rate. The first round of both warms up and is not kept. */
export async function takeTurns(measure: () => Promise<number>, measureCeiling: () => Promise<number>, { seconds, onRound }: RoundsOptions): Promise<Rounds> {
  const measured: number[] = [];
  const ceiling: number[] = [];
  const began = performance.now();
  for (let round = 0; round <= ROUNDS_MIN || performance.now() - began < seconds * 1_000; round++) {
    onRound(round);
    const one = await measureCeiling();
    const other = await measure();
    if (round === 0) continue;
    ceiling.push(one);
    measured.push(other);
  }
  return { measured, ceiling };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
