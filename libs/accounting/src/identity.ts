/**
 * Identity: what makes two reports the same event. It holds no time and no region, so a resend, here or elsewhere,
 * has the same identity; the same id in two sessions is two events.
 */
import { binaryToHex, utf8Length } from './bytes';
import type { Hash } from './environment';
import { NAME_BYTES_MAX } from './event';

/** 128 bits as 16 characters U+0000..U+00FF. Comparing two with `<` compares them byte by byte. */
export type Identity = string & { readonly __brand: 'Identity' };

export const IDENTITY_BYTES = 16;

const ZERO = 0x30;
const COLON = 0x3a;
const COMMA = 0x2c;
const TENANT_BYTES_MAX = 64;

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

/** Bytes of the longest: four lengths of up to three digits, a colon and a comma for each, a tenant, three names. */
const NETSTRINGS_BYTES_MAX = 4 * 5 + TENANT_BYTES_MAX + 3 * NAME_BYTES_MAX;

/** `identify` without texts: of fields that lie in a record as ASCII. */
export class Identifier {
  private readonly netstrings = new Uint8Array(NETSTRINGS_BYTES_MAX);
  /** What is hashed, by its length: a view costs as much to make as its bytes to hash. */
  private readonly views: Uint8Array[] = [];
  private length = 0;

  constructor(private readonly hash: Hash) {}

  start(): void {
    this.length = 0;
  }

  /** The next field: bytes [from, to). In the order of `identify`. */
  add(bytes: Uint8Array, from: number, to: number): void {
    const { netstrings } = this;
    const length = to - from;
    let at = this.length;
    if (length >= 100) netstrings[at++] = ZERO + Math.floor(length / 100);
    if (length >= 10) netstrings[at++] = ZERO + (Math.floor(length / 10) % 10);
    netstrings[at++] = ZERO + (length % 10);
    netstrings[at++] = COLON;
    for (let i = from; i < to; i++) netstrings[at++] = bytes[i] as number;
    netstrings[at++] = COMMA;
    this.length = at;
  }

  identity(): Identity {
    const view = (this.views[this.length] ??= this.netstrings.subarray(0, this.length));
    return firstBytes(this.hash.bytes(view));
  }
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
  return binaryToHex(identity);
}

/** Byte by byte, because a slice keeps all of the hash in memory, and more than itself: 48 bytes of each entry. */
function firstBytes(hash: string): Identity {
  const byte = (i: number): number => hash.charCodeAt(i);
  const text = String.fromCharCode(
    byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), byte(6), byte(7),
    byte(8), byte(9), byte(10), byte(11), byte(12), byte(13), byte(14), byte(15),
  );
  return text as Identity;
}

function netstring(text: string): string {
  return `${utf8Length(text)}:${text},`;
}
