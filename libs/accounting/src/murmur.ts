/**
 * MurmurHash3_x86_128 (Appleby, public domain; seed 0) over whole 16-byte blocks. It is there to find damage and omission,
 * not to withstand someone who may write rows.
 */
const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

/** `start()`, then `block()` for every four little-endian words, then `finish()`: the answer is in `h1..h4`. */
export class Murmur128 {
  h1 = 0;
  h2 = 0;
  h3 = 0;
  h4 = 0;
  private length = 0;

  start(): void {
    this.h1 = this.h2 = this.h3 = this.h4 = 0;
    this.length = 0;
  }

  block(a: number, b: number, c: number, d: number): void {
    this.h1 ^= Math.imul(rotate(Math.imul(a, C1), 15), C2);
    this.h1 = (Math.imul((rotate(this.h1, 19) + this.h2) | 0, 5) + 0x561ccd1b) | 0;
    this.h2 ^= Math.imul(rotate(Math.imul(b, C2), 16), C3);
    this.h2 = (Math.imul((rotate(this.h2, 17) + this.h3) | 0, 5) + 0x0bcaa747) | 0;
    this.h3 ^= Math.imul(rotate(Math.imul(c, C3), 17), C4);
    this.h3 = (Math.imul((rotate(this.h3, 15) + this.h4) | 0, 5) + 0x96cd1c35) | 0;
    this.h4 ^= Math.imul(rotate(Math.imul(d, C4), 18), C1);
    this.h4 = (Math.imul((rotate(this.h4, 13) + this.h1) | 0, 5) + 0x32ac3b17) | 0;
    this.length += 16;
  }

  finish(): void {
    let a = this.h1 ^ this.length;
    let b = this.h2 ^ this.length;
    let c = this.h3 ^ this.length;
    let d = this.h4 ^ this.length;
    a = (a + b + c + d) | 0;
    b = mix((b + a) | 0);
    c = mix((c + a) | 0);
    d = mix((d + a) | 0);
    a = (mix(a) + b + c + d) | 0;
    this.h1 = a;
    this.h2 = (b + a) | 0;
    this.h3 = (c + a) | 0;
    this.h4 = (d + a) | 0;
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mix(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const murmur = new Murmur128();
/** What follows the last whole block, zero-padded. */
const tail = new Uint8Array(16);

/** 32 bits over bytes [0, end): murmur of the length, then of the bytes, zero-padded to whole blocks. */
export function checksum(bytes: Uint8Array, end: number): number {
  murmur.start();
  murmur.block(end, 0, 0, 0);
  const whole = end - (end % 16);
  for (let at = 0; at < whole; at += 16) addBlock(bytes, at);
  tail.fill(0);
  for (let at = whole; at < end; at++) tail[at - whole] = bytes[at] as number;
  addBlock(tail, 0);
  murmur.finish();
  return murmur.h1 >>> 0;
}

function addBlock(bytes: Uint8Array, at: number): void {
  murmur.block(signedWordAt(bytes, at), signedWordAt(bytes, at + 4), signedWordAt(bytes, at + 8), signedWordAt(bytes, at + 12));
}

/** The 32-bit little-endian word at `at`. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return signedWordAt(bytes, at) >>> 0;
}

/** The same bits, as the engine keeps small integers: an unsigned word would be a number on the heap. */
function signedWordAt(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at + 3] as number) << 24) | ((bytes[at + 2] as number) << 16);
  return high | ((bytes[at + 1] as number) << 8) | (bytes[at] as number);
}
