/**
 * One fast pass over the bytes of a JSON text, before `JSON.parse`: it tells what the parsed value no longer can
 * (members written twice, numbers rounded) and what must not be parsed (nesting). It does not check the syntax:
 * `JSON.parse` does. When something is wrong, `json-diagnose.ts` reads again, slowly, and says what and where.
 */

export interface Scan {
  /** Members of all objects as written: more than the parsed value has when some are written twice. */
  readonly members: number;
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** Where numbers with a fraction or an exponent stand: offsets of the `.` or `e`. */
  readonly fractions: readonly number[];
}

const QUOTE = 0x22;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export function scanJson(bytes: Uint8Array): Scan {
  const fractions: number[] = [];
  let [members, depth, deepest, at] = [0, 0, 0, 0];
  while (at < bytes.length) {
    const byte = bytes[at++];
    if (byte === QUOTE) at = skipString(bytes, at);
    else if (byte === COLON) members++;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > deepest) deepest = depth;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    else if (byte === DOT || byte === UPPER_E || (byte === LOWER_E && isDigit(bytes[at - 2]))) fractions.push(at - 1);
  }
  return { members, depth: deepest, fractions };
}

/** The offset after the string's closing quote. */
function skipString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}

/** Whether the number token around `position` is no integer and yet parses to one: digits were lost that say so. */
export function isRounded(bytes: Buffer, position: number): boolean {
  let from = position;
  while (from > 0 && isNumberByte(bytes[from - 1])) from--;
  let to = position;
  while (to < bytes.length && isNumberByte(bytes[to])) to++;
  const token = bytes.toString('latin1', from, to);
  return Number.isInteger(Number(token)) && !isInteger(token);
}

/** By its digits, without rounding: the last one that is not 0 must stand left of the point. Linear in the token. */
function isInteger(token: string): boolean {
  const exponentAt = token.search(/[eE]/);
  const [mantissa, exponent] = exponentAt < 0 ? [token, 0] : [token.slice(0, exponentAt), Number(token.slice(exponentAt + 1))];
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole.replace('-', '') + fraction;
  let last = digits.length;
  while (last > 0 && digits.charCodeAt(last - 1) === ZERO) last--;
  return last === 0 || last <= digits.length - fraction.length + exponent;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isNumberByte(byte: number | undefined): boolean {
  return isDigit(byte) || byte === DOT || byte === LOWER_E || byte === UPPER_E || byte === 0x2b || byte === 0x2d;
}
