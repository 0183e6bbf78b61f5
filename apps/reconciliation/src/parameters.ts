/** Query parameters, strictly: an unknown, repeated or malformed one is refused by name, never guessed at. */
import { hourOf, HOUR_MS, isName } from '@meridian/accounting';
import { formatTime, HttpError, parseTime } from '@meridian/http';
import { SESSION_SHARDS } from '@meridian/ledger';
import { USAGE_GROUPS, type SessionCursor } from '@meridian/pipeline';

/** As Fastify parses it. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function badParameter(parameter: string, message: string): HttpError {
  return new HttpError('parameter_invalid', `${parameter}: ${message}`, { parameter });
}

/** The query's parameters, each at most once and none but the known. */
export function only<Name extends string>(query: Query, known: readonly Name[]): Readonly<Partial<Record<Name, string>>> {
  for (const [name, value] of Object.entries(query)) {
    if (!(known as readonly string[]).includes(name)) throw badParameter(name, `there is no such parameter here; known are ${known.join(', ')}`);
    if (typeof value !== 'string') throw badParameter(name, 'given more than once; give it once');
  }
  return query as Readonly<Partial<Record<Name, string>>>;
}

export function flag(name: string, value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw badParameter(name, 'must be true or false');
}

/** A session named in a path, decoded. */
export function sessionName(session: string): string {
  if (!isName(session)) throw badParameter('session', 'must be 1 to 256 bytes of well-formed Unicode without control characters, percent-encoded');
  return session;
}

export function period(value: string | undefined, now: number): string {
  if (value === undefined) return formatTime(now).slice(0, 7);
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(value)) throw badParameter('period', 'must be a month of UTC as YYYY-MM');
  return value;
}

export function limit(value: string | undefined, { max, fallback }: { readonly max: number; readonly fallback: number }): number {
  if (value === undefined) return fallback;
  const count = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (count < 1 || count > max) throw badParameter('limit', `must be a whole number 1..${max}`);
  return count;
}

/** A cursor says which list it belongs to: in another one it would skip sessions in silence. */
export function writeCursor(list: string, { shard, after }: SessionCursor): string {
  return Buffer.from(JSON.stringify([list, shard, after ?? null])).toString('base64url');
}

export function readCursor(list: string, value: string | undefined): SessionCursor | undefined {
  if (value === undefined) return undefined;
  const [ofList, shard, after] = decodeCursor(value);
  const isSound = Number.isInteger(shard) && (shard as number) >= 0 && (shard as number) < SESSION_SHARDS && (after === null || typeof after === 'string');
  if (!isSound || ofList !== list) throw badParameter('cursor', 'is not one of this list: pass the "next" of the page before, unchanged, with the same tenant and period');
  return { shard: shard as number, after: after ?? undefined };
}

function decodeCursor(value: string): readonly unknown[] {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(value, 'base64url').toString());
    return Array.isArray(decoded) ? decoded : [];
  } catch {
    // Whatever it is, no cursor of ours.
    return [];
  }
}

export interface HourRange {
  /** Hours since the epoch, half-open. */
  readonly from: number;
  readonly to: number;
}

/** A read goes through all rows of its range: at most this many hours, a leap year and a month. */
const HOURS_MAX = 400 * 24;
const HOURS_PER_DAY = 24;

export function hourRange(from: string | undefined, to: string | undefined, by: 'hour' | 'day'): HourRange {
  const range = { from: wholeHour('from', from, by), to: wholeHour('to', to, by) };
  if (range.from >= range.to) throw badParameter('to', 'must be after from: the range is half-open');
  if (range.to - range.from > HOURS_MAX) throw badParameter('to', `the range holds more than ${HOURS_MAX / HOURS_PER_DAY} days: ask in parts`);
  return range;
}

/** Hours since the epoch of a time on the hour. */
export function wholeHour(name: string, value: string | undefined, by: 'hour' | 'day'): number {
  if (value === undefined) throw badParameter(name, 'missing; give a time such as 2026-01-01T00:00:00Z');
  const time = parseTime(value);
  if (time === undefined || time < 0) throw badParameter(name, 'must be a time of RFC 3339 such as 2026-01-01T00:00:00Z');
  const hour = hourOf(time);
  if (time % HOUR_MS !== 0) throw badParameter(name, 'must be on the hour, UTC: usage is kept by hour');
  if (by === 'day' && hour % HOURS_PER_DAY !== 0) throw badParameter(name, 'must be at midnight UTC when by=day');
  return hour;
}

export function unit(value: string | undefined): 'hour' | 'day' {
  if (value === undefined || value === 'hour') return 'hour';
  if (value === 'day') return 'day';
  throw badParameter('by', 'must be hour or day');
}

export type UsageGroup = (typeof USAGE_GROUPS)[number];

export function groups(value: string | undefined): ReadonlySet<UsageGroup> {
  const chosen = new Set<UsageGroup>();
  for (const name of value === undefined || value === '' ? [] : value.split(',')) {
    if (!(USAGE_GROUPS as readonly string[]).includes(name)) {
      throw badParameter('group', `${JSON.stringify(name)} cannot be grouped by; known are ${USAGE_GROUPS.join(', ')}, separated by commas`);
    }
    chosen.add(name as UsageGroup);
  }
  return chosen;
}
