/**
 * JSON bodies, strictly: UTF-8, no member twice, no `__proto__`, bounded nesting, and a word on numbers that
 * `JSON.parse` rounds to integers. The common case costs one pass over the bytes and one over the value.
 */
import { isUtf8 } from 'node:buffer';
import { HttpError } from './errors';
import { diagnoseJson, FORBIDDEN_NAMES, pointersAt } from './json-diagnose';
import { isRounded, scanJson } from './json-scan';

/** Far beyond any body we know; keeps every recursive reading of a value shallow. */
export const NESTING_MAX = 16;

export interface JsonBody {
  readonly value: unknown;
  /** Pointers of numbers that are no integers as written and became some by rounding. */
  readonly rounded: readonly string[];
}

/** Throws `HttpError` naming what is wrong and where. */
export function parseJson(bytes: Buffer): JsonBody {
  if (bytes.length === 0) throw new HttpError('body_missing', 'the body is empty: send JSON');
  if (!isUtf8(bytes)) throw new HttpError('body_malformed', 'the body is not UTF-8: encode it as UTF-8');
  const scan = scanJson(bytes);
  const text = bytes.toString('utf8');
  if (scan.depth > NESTING_MAX) refuse(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(text);
  }
  if (countMembers(value) !== scan.members) refuse(text);
  const rounded = scan.fractions.filter((position) => isRounded(bytes, position));
  return { value, rounded: rounded.length === 0 ? NONE : pointersOf(bytes, text, rounded) };
}

const NONE: readonly string[] = [];
/** Rounded numbers that are told one by one. */
const ROUNDED_MAX = 1_000;

function pointersOf(bytes: Buffer, text: string, positions: readonly number[]): readonly string[] {
  if (positions.length > ROUNDED_MAX) {
    throw new HttpError('body_malformed', `more than ${ROUNDED_MAX} numbers have so many digits that they would be rounded to integers: send integers`);
  }
  // From bytes to UTF-16 units: the length of what stands before, decoded piece by piece.
  let [byte, unit] = [0, 0];
  const units = positions.map((position) => {
    unit += bytes.toString('utf8', byte, position).length;
    byte = position;
    return unit;
  });
  return pointersAt(text, units, NESTING_MAX);
}

/** Members of all objects in the value; −1 when one has a forbidden name. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      const inside = countMembers(item);
      if (inside < 0) return -1;
      members += inside;
    }
    return members;
  }
  for (const name in value) {
    if (FORBIDDEN_NAMES.has(name)) return -1;
    const inside = countMembers((value as Readonly<Record<string, unknown>>)[name]);
    if (inside < 0) return -1;
    members += 1 + inside;
  }
  return members;
}

function refuse(text: string): never {
  const finding = diagnoseJson(text, NESTING_MAX);
  if (!finding) throw new HttpError('body_malformed', 'the text is not JSON');
  throw new HttpError(finding.code, finding.message, finding.pointer === undefined ? {} : { pointer: finding.pointer });
}
