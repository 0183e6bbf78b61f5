/**
 * Times as RFC 3339 writes them, strictly: `Date.parse` takes much that is no such time, and turns 30 February into
 * 1 March. Read digit by digit: this runs for every event.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;
const FRACTION_DIGITS_MAX = 9;

/** ms since the epoch, digits beyond the millisecond cut off; undefined for anything that is not RFC 3339, leap seconds included. */
export function parseTime(text: string): number | undefined {
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2)];
  const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
  if (text[4] !== '-' || text[7] !== '-' || (text[10] !== 'T' && text[10] !== 't') || text[13] !== ':' || text[16] !== ':') return undefined;
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const zoneAt = fractionEnd(text, 19);
  const offsetMinutes = offset(text, zoneAt);
  if (offsetMinutes === undefined) return undefined;
  const ms = zoneAt === 19 ? 0 : Number(text.slice(20, Math.min(zoneAt, 23)).padEnd(3, '0'));
  return daysSinceEpoch(year, month, day) * DAY_MS + (hour * 60 + minute - offsetMinutes) * MINUTE_MS + second * 1_000 + ms;
}

export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** NaN unless there are `count` digits at `at`: no comparison with it holds. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Where the digits after the point end; `at` when there is no point; beyond the text when they are none or too many. */
function fractionEnd(text: string, at: number): number {
  if (text[at] !== '.') return at;
  let end = at + 1;
  while (!Number.isNaN(digits(text, end, 1))) end++;
  const count = end - at - 1;
  return count >= 1 && count <= FRACTION_DIGITS_MAX ? end : text.length;
}

/** Minutes east of UTC; undefined unless the text ends with an offset here. */
function offset(text: string, at: number): number | undefined {
  const sign = text[at];
  if (sign === 'Z' || sign === 'z') return text.length === at + 1 ? 0 : undefined;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':') return undefined;
  const [hours, minutes] = [digits(text, at + 1, 2), digits(text, at + 4, 2)];
  if (!(hours <= 23 && minutes <= 59)) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Of the proleptic Gregorian calendar: years are counted from March, so that the leap day comes last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const m = (month + 9) % 12;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + Math.floor((m * 306 + 5) / 10) + day - 1 - EPOCH_DAYS;
}
