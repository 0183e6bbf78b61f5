/**
 * Token buckets: disjoint counters, so that their sum is the total and nothing is billed twice.
 * Absent is not zero: a bucket that no event reported does not appear in a sum.
 */
import { AccountingError } from './errors';

export const BUCKETS = [
  'input',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'output',
  'reasoning',
  'audioInput',
  'audioOutput',
  'imageInput',
] as const;
export type Bucket = (typeof BUCKETS)[number];

/** Counts of one event: integers 0..2^53−1. */
export type TokenCounts = Readonly<Partial<Record<Bucket, number>>>;
/** Sums over events: exact at any size. */
export type TokenTotals = Readonly<Partial<Record<Bucket, bigint>>>;

/**
 * A running sum per bucket. Numbers up to 2^53−1 are added as numbers and spill into a bigint before they could round.
 */
export class TokenSum {
  private mask = 0;
  private readonly low: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  private high: bigint[] | undefined;

  /** Adds `values[i]` to bucket number `buckets[i]`. */
  add(buckets: readonly number[], values: readonly number[]): void {
    for (let i = 0; i < buckets.length; i++) {
      const bucket = buckets[i] as number;
      this.mask |= 1 << bucket;
      const value = values[i] as number;
      const sum = (this.low[bucket] as number) + value;
      if (sum <= Number.MAX_SAFE_INTEGER) this.low[bucket] = sum;
      else {
        this.spill(bucket, BigInt(this.low[bucket] as number));
        this.low[bucket] = value;
      }
    }
  }

  /** Adds (or with `sign` −1 subtracts) totals; a bucket that is present there is present here from now on. */
  addTotals(totals: TokenTotals, sign: 1 | -1 = 1): void {
    for (let bucket = 0; bucket < BUCKETS.length; bucket++) {
      const value = totals[BUCKETS[bucket] as Bucket];
      if (value === undefined) continue;
      this.mask |= 1 << bucket;
      this.spill(bucket, sign === 1 ? value : -value);
    }
  }

  totals(): TokenTotals {
    const totals: Partial<Record<Bucket, bigint>> = {};
    for (let bucket = 0; bucket < BUCKETS.length; bucket++) {
      if ((this.mask & (1 << bucket)) === 0) continue;
      totals[BUCKETS[bucket] as Bucket] = BigInt(this.low[bucket] as number) + (this.high?.[bucket] ?? 0n);
    }
    return totals;
  }

  private spill(bucket: number, value: bigint): void {
    this.high ??= [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
    this.high[bucket] = (this.high[bucket] as bigint) + value;
  }
}

/** `a + sign·b`, bucket by bucket. */
export function addTokens(a: TokenTotals, b: TokenTotals, sign: 1 | -1 = 1): TokenTotals {
  const sum = new TokenSum();
  sum.addTotals(a);
  sum.addTotals(b, sign);
  return sum.totals();
}

/** As JSON carries them: decimal strings, in bucket order. */
export function tokensToJson(totals: TokenTotals): Partial<Record<Bucket, string>> {
  const json: Partial<Record<Bucket, string>> = {};
  for (const bucket of BUCKETS) {
    const value = totals[bucket];
    if (value !== undefined) json[bucket] = value.toString();
  }
  return json;
}

/** What `tokensToJson` gave. Throws `corrupt_row` for anything else. */
export function tokensFromJson(json: Readonly<Partial<Record<Bucket, string>>>): TokenTotals {
  const totals: Partial<Record<Bucket, bigint>> = {};
  for (const [name, value] of Object.entries(json)) {
    const bucket = BUCKETS.find((one) => one === name);
    if (bucket === undefined || !DECIMAL.test(value)) throw new AccountingError('corrupt_row', `not a sum of tokens: ${name} ${value}`);
    totals[bucket] = BigInt(value);
  }
  return totals;
}

const DECIMAL = /^-?(0|[1-9][0-9]*)$/;
