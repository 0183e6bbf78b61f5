/**
 * The order of sort keys: byte by byte of their UTF-8. It is the order of JavaScript's strings but for the characters
 * beyond U+FFFF, whose UTF-16 units (surrogates) sort below U+E000..U+FFFF.
 */

const SURROGATES_FROM = 0xd800;
const SURROGATES_TO = 0xe000;

/** Negative when `a` comes first, 0 when they are equal. */
export function compareSortKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above all other units. */
function rank(unit: number): number {
  return unit >= SURROGATES_FROM && unit < SURROGATES_TO ? unit + 0x1_0000 : unit;
}
