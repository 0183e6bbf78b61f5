/** What a bench says: figures, and whether its targets are met. */

export interface Target {
  readonly name: string;
  readonly is: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** What a bench ran on. */
export interface Conditions {
  /** Of events, of rows, and in how many copies. */
  readonly stores: string;
  /** What is not as the services come, and what it is. */
  readonly settings: Readonly<Record<string, string | number>>;
}

export interface BenchResult {
  readonly bench: string;
  readonly conditions: Conditions;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly targets: readonly Target[];
}

export interface BenchOptions {
  /** About how long to measure. */
  readonly seconds: number;
  /** Of `ingest`: kill it so many times instead. */
  readonly kills?: number;
  /** Tells a person at a terminal what goes on. */
  readonly progress: (text: string) => void;
}

export function isMet({ is, atMost, atLeast }: Target): boolean {
  return (atMost === undefined || is <= atMost) && (atLeast === undefined || is >= atLeast);
}

export function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}
