/**
 * Derived rows: what they must say at a cut (pure), and how they are read and written. Every derived row belongs to one
 * region, is absolute, and is written only by that region through its own replica.
 */
import { AccountingError, TokenSum, type SessionTotal, type TokenTotals, type Usage, type UsageLine } from '@meridian/accounting';
import {
  linesFit, TOO_LARGE, VALUE_BYTES_MAX,
  type Derived, type DerivedCodec, type Key, type Ledger, type SessionCache, type StoredRow,
} from '@meridian/ledger';
import { periodOf } from './periods';

/** A session's total, as its `V` row has it when it is not plain. */
export function sessionCache(total: SessionTotal): SessionCache {
  const { events, duplicates, conflicts, voided, streams, tokens, usage } = total;
  return { events, duplicates, conflicts, voided, streams, tokens, usage: usage.lines() };
}

/** What its row says: a session of thousands of lines does not fit. */
export function sessionCacheValue(total: SessionTotal): SessionCache | typeof TOO_LARGE {
  const cache = sessionCache(total);
  return linesFit(cache.usage, VALUE_BYTES_MAX) ? cache : TOO_LARGE;
}

/** The part of a session's total that is dated in a period. */
export interface SessionPart {
  readonly events: number;
  readonly tokens: TokenTotals;
  /** Of the whole session, whatever the period. */
  readonly duplicates: number;
  readonly conflicts: number;
  readonly streams: number;
}

/** The periods (`YYYY-MM`) in which a session has an entry, counted or not. */
export function periodsOf({ usage, correction }: SessionTotal): Set<string> {
  return new Set([...usage.hours(), ...correction.hours()].map(periodOf));
}

/** Undefined when the session has no entry dated in the period. */
export function partIn(period: string, total: SessionTotal): SessionPart | undefined {
  if (!periodsOf(total).has(period)) return undefined;
  const sum = new TokenSum();
  let events = 0;
  for (const line of total.usage.lines()) {
    if (periodOf(line.hour) !== period) continue;
    events += line.events;
    sum.addTotals(line.tokens);
  }
  const { duplicates, conflicts, streams } = total;
  return { events, tokens: sum.totals(), duplicates, conflicts, streams };
}

/** Splits usage into the lines of each hour, sorted. */
export function linesByHour(usage: Usage): Map<number, UsageLine[]> {
  const hours = new Map<number, UsageLine[]>();
  for (const line of usage.lines()) {
    const lines = hours.get(line.hour);
    if (lines) lines.push(line);
    else hours.set(line.hour, [line]);
  }
  return hours;
}

/**
 * What a derived row says at cut `k`, when every row is at least at that cut. `ahead`: the row has moved past it and no
 * longer remembers; read again from `RC` on.
 */
export function valueAt<T>(row: Derived<T> | undefined, k: number): T | undefined | 'ahead' {
  if (!row) return undefined;
  if (row.k <= k) return row.value;
  if (!row.previous) return undefined;
  return row.previous.k <= k ? row.previous.value : 'ahead';
}

export async function readDerived<T>(ledger: Ledger, key: Key, codec: DerivedCodec<T>): Promise<Derived<T> | undefined> {
  const row = await ledger.get(key, { consistent: true });
  return row && codec.decode(row.value);
}

/** For rows that are computed whole: one that does not decode is as good as none. */
export function decodeDerivedOrNone<T>(row: StoredRow | undefined, codec: DerivedCodec<T>): Derived<T> | undefined {
  try {
    return row && codec.decode(row.value);
  } catch (error) {
    if (error instanceof AccountingError && error.code === 'corrupt_row') return undefined;
    throw error;
  }
}

/**
 * Writes a derived row at cut `k`; `resolvedThrough` is the last cut that was resolved whole. A row that is at `k`
 * already, or beyond, is left: another run of this cut wrote the same there.
 */
export async function writeDerived<T>(
  ledger: Ledger,
  key: Key,
  codec: DerivedCodec<T>,
  { stored, k, value, resolvedThrough }: { readonly stored: Derived<T> | undefined; readonly k: number; readonly value: T; readonly resolvedThrough: number },
): Promise<void> {
  if (stored && stored.k >= k) return;
  const previous = stored && stored.k <= resolvedThrough ? { k: stored.k, value: stored.value } : stored?.previous;
  await ledger.replace({ ...key, version: k, value: codec.encode(previous ? { k, value, previous } : { k, value }) });
}
