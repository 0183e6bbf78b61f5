/**
 * An entry is the first occurrence of an (identity, content) in its stream. Its content is everything but its offset.
 */
import type { Identity } from './identity';
import type { Shape } from './shape';

export interface Entry {
  readonly identity: Identity;
  /** Offset in its log. */
  readonly offset: number;
  /** When the usage happened, milliseconds since the epoch. */
  readonly time: number;
  readonly shape: Shape;
  /** One count per bucket of the shape, in its order. */
  readonly tokens: readonly number[];
  /** For a void: the identity it takes out; else empty. */
  readonly target: Identity | '';
}

export const HOUR_MS = 3_600_000;

/** The UTC hour of an entry, in hours since the epoch. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR_MS);
}

/** Equal in everything but the offset; the identities are known to be equal. */
export function sameContent(a: Entry, b: Entry): boolean {
  if (a.time !== b.time || a.target !== b.target || a.tokens.length !== b.tokens.length) return false;
  for (let i = 0; i < a.tokens.length; i++) if (a.tokens[i] !== b.tokens[i]) return false;
  return a.shape === b.shape || a.shape.text === b.shape.text;
}
