/** Names of UTC hours, days and months, as they stand in keys and in the API. */
import { HOUR_MS } from '@meridian/accounting';

/** `YYYY-MM-DDTHH` of an hour since the epoch. */
export function hourName(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString().slice(0, 13);
}

/** `YYYY-MM` of an hour since the epoch. */
export function periodOf(hour: number): string {
  return hourName(hour).slice(0, 7);
}

/** Hours since the epoch of a `YYYY-MM-DDTHH`. */
export function hourFromName(name: string): number {
  return Date.parse(`${name}:00:00Z`) / HOUR_MS;
}

/** All periods that touch the hours [from, to). */
export function periodsBetween(from: number, to: number): string[] {
  const periods: string[] = [];
  const cursor = new Date(from * HOUR_MS);
  cursor.setUTCDate(1);
  cursor.setUTCHours(0, 0, 0, 0);
  while (cursor.getTime() < to * HOUR_MS) {
    periods.push(cursor.toISOString().slice(0, 7));
    cursor.setUTCMonth(cursor.getUTCMonth() + 1);
  }
  return periods;
}
