/**
 * Identity: what makes two reports the same event. It holds no time and no region, so a resend, here or elsewhere,
 * has the same identity; the same id in two sessions is two events.
 */
import { utf8Length } from './bytes';
import type { Hash } from './environment';

/** 128 bits as 16 characters U+0000..U+00FF. Comparing two with `<` compares them byte by byte. */
export type Identity = string & { readonly __brand: 'Identity' };

export const IDENTITY_BYTES = 16;

export interface EventName {
  readonly tenant: string;
  readonly session: string;
  readonly source: string;
  readonly id: string;
}

/**
 * SHA-256, cut to 128 bits, of the four fields as netstrings (byte length, colon, UTF-8 bytes, comma).
 * The fields must be well-formed Unicode: unpaired surrogates would all encode to the same bytes.
 */
export function identify(name: EventName, hash: Hash): Identity {
  const text = netstring(name.tenant) + netstring(name.session) + netstring(name.source) + netstring(name.id);
  return hash.text(text).slice(0, IDENTITY_BYTES) as Identity;
}

/** The identity at `at`. Sixteen arguments, because spreading the bytes takes thirty times as long. */
export function readIdentity(bytes: Uint8Array, at: number): Identity {
  const byte = (i: number): number => bytes[at + i] as number;
  const text = String.fromCharCode(
    byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), byte(6), byte(7),
    byte(8), byte(9), byte(10), byte(11), byte(12), byte(13), byte(14), byte(15),
  );
  return text as Identity;
}

export function identityToHex(identity: Identity): string {
  let hex = '';
  for (let i = 0; i < identity.length; i++) hex += identity.charCodeAt(i).toString(16).padStart(2, '0');
  return hex;
}

function netstring(text: string): string {
  return `${utf8Length(text)}:${text},`;
}
