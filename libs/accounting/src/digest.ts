/**
 * The digest of a set of entries: the sum modulo 2^128 of the entries' own digests. It depends neither on their order nor
 * on how they were split into deltas, and digests of disjoint sets add up.
 */
import { word } from './bytes';
import type { Entry } from './entry';
import { AccountingError } from './errors';
import { Murmur128 } from './murmur';

const DIGEST_BYTES = 16;
const murmur = new Murmur128();

export class Digest {
  /** Least significant first. */
  private readonly limbs = new Uint32Array(4);

  /**
   * An entry's own digest is MurmurHash3_x86_128 over 32-bit words: identity (4), shape (4), offset, time and each count
   * (low, high), target (4, for a void), zero-padded to a multiple of 4 words.
   */
  add(entry: Entry): void {
    const { identity, offset, time, tokens, target } = entry;
    const shape = entry.shape.words;
    murmur.start();
    murmur.block(word(identity, 0), word(identity, 4), word(identity, 8), word(identity, 12));
    murmur.block(shape[0], shape[1], shape[2], shape[3]);
    murmur.block(low(offset), high(offset), low(time), high(time));
    for (let i = 0; i < tokens.length; i += 2) {
      const first = tokens[i] as number;
      const second = tokens[i + 1] ?? 0;
      murmur.block(low(first), high(first), low(second), high(second));
    }
    if (target !== '') murmur.block(word(target, 0), word(target, 4), word(target, 8), word(target, 12));
    murmur.finish();
    this.addLimbs(murmur.h1, murmur.h2, murmur.h3, murmur.h4);
  }

  addDigest(other: Digest): void {
    const limbs = other.limbs;
    this.addLimbs(limbs[0] as number, limbs[1] as number, limbs[2] as number, limbs[3] as number);
  }

  /** 16 bytes, least significant first. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(DIGEST_BYTES);
    const view = new DataView(bytes.buffer);
    this.limbs.forEach((limb, i) => view.setUint32(i * 4, limb, true));
    return bytes;
  }

  static fromBytes(bytes: Uint8Array): Digest {
    if (bytes.length !== DIGEST_BYTES) throw new AccountingError('corrupt_row', `a digest has ${DIGEST_BYTES} bytes, not ${bytes.length}`);
    const digest = new Digest();
    const view = new DataView(bytes.buffer, bytes.byteOffset, DIGEST_BYTES);
    for (let i = 0; i < 4; i++) digest.limbs[i] = view.getUint32(i * 4, true);
    return digest;
  }

  toHex(): string {
    return [...this.limbs].reverse().map((limb) => limb.toString(16).padStart(8, '0')).join('');
  }

  private addLimbs(a: number, b: number, c: number, d: number): void {
    const limbs = this.limbs;
    let sum = (limbs[0] as number) + (a >>> 0);
    limbs[0] = sum;
    sum = (limbs[1] as number) + (b >>> 0) + (sum > 0xffffffff ? 1 : 0);
    limbs[1] = sum;
    sum = (limbs[2] as number) + (c >>> 0) + (sum > 0xffffffff ? 1 : 0);
    limbs[2] = sum;
    limbs[3] = (limbs[3] as number) + (d >>> 0) + (sum > 0xffffffff ? 1 : 0);
  }
}

function low(value: number): number {
  return value | 0;
}

function high(value: number): number {
  return Math.floor(value / 0x1_0000_0000);
}
