/**
 * Derived rows: what they must say at a cut (pure), and how they are read and written. Every derived row belongs to one
 * region, is absolute, and is written only by that region through its own replica.
 */
import { AccountingError, TokenSum, type SessionTotal, type Usage, type UsageLine } from '@meridian/accounting';
import type { Derived, DerivedCodec, Key, Ledger, SessionCache, Settled, StoredRow } from '@meridian/ledger';
import { periodOf } from './periods';

/** The `V` row of a session that is not plain. */
export function sessionCache(total: SessionTotal): SessionCache {
  const { events, duplicates, conflicts, voided, streams, tokens, usage } = total;
  return { events, duplicates, conflicts, voided, streams, tokens, usage: usage.lines() };
}

/** The `T` rows of a session, by period: every period in which it has an entry, counted or not. */
export function settledByPeriod(total: SessionTotal): Map<string, Settled> {
  const periods = new Map<string, UsageLine[]>();
  for (const line of total.correction.lines()) periods.set(periodOf(line.hour), []);
  for (const line of total.usage.lines()) {
    const period = periodOf(line.hour);
    const lines = periods.get(period);
    if (lines) lines.push(line);
    else periods.set(period, [line]);
  }
  const settled = new Map<string, Settled>();
  for (const [period, lines] of periods) settled.set(period, settle(lines, total));
  return settled;
}

function settle(lines: readonly UsageLine[], { duplicates, conflicts, streams }: SessionTotal): Settled {
  const sum = new TokenSum();
  let events = 0;
  for (const line of lines) {
    events += line.events;
    sum.addTotals(line.tokens);
  }
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

