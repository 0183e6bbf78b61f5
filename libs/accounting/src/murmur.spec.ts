import fc from 'fast-check';
import { Murmur128 } from './murmur';

/** MurmurHash3_x86_128 as its author publishes it (SMHasher, MurmurHash3.cpp), byte for byte and on bigints: slow and plain. */
function reference(key: Uint8Array, seed: number): Uint8Array {
  const u32 = (value: bigint): bigint => value & 0xffffffffn;
  const rotl = (value: bigint, bits: bigint): bigint => u32((value << bits) | (value >> (32n - bits)));
  const fmix = (value: bigint): bigint => {
    let h = value;
    h = u32((h ^ (h >> 16n)) * 0x85ebca6bn);
    h = u32((h ^ (h >> 13n)) * 0xc2b2ae35n);
    return h ^ (h >> 16n);
  };
  const [c1, c2, c3, c4] = [0x239b961bn, 0xab0e9789n, 0x38b34ae5n, 0xa1e38b93n];
  const mixers = [
    (k: bigint): bigint => u32(rotl(u32(k * c1), 15n) * c2),
    (k: bigint): bigint => u32(rotl(u32(k * c2), 16n) * c3),
    (k: bigint): bigint => u32(rotl(u32(k * c3), 17n) * c4),
    (k: bigint): bigint => u32(rotl(u32(k * c4), 18n) * c1),
  ];
  const turns = [19n, 17n, 15n, 13n];
  const adds = [0x561ccd1bn, 0x0bcaa747n, 0x96cd1c35n, 0x32ac3b17n];
  const h = [BigInt(seed), BigInt(seed), BigInt(seed), BigInt(seed)];
  const wordAt = (at: number): bigint => {
    let word = 0n;
    for (let i = 3; i >= 0; i--) word = (word << 8n) | BigInt(key[at + i] ?? 0);
    return word;
  };
  const whole = key.length - (key.length % 16);
  for (let at = 0; at < whole; at += 16) {
    for (let i = 0; i < 4; i++) {
      h[i]! ^= mixers[i]!(wordAt(at + 4 * i));
      h[i] = u32((rotl(h[i]!, turns[i]!) + h[(i + 1) % 4]!) * 5n + adds[i]!);
    }
  }
  for (let i = 0; i < 4; i++) if (whole + 4 * i < key.length) h[i]! ^= mixers[i]!(wordAt(whole + 4 * i));
  for (let i = 0; i < 4; i++) h[i]! ^= BigInt(key.length);
  const fold = (): void => {
    h[0] = u32(h[0]! + h[1]! + h[2]! + h[3]!);
    for (let i = 1; i < 4; i++) h[i] = u32(h[i]! + h[0]);
  };
  fold();
  for (let i = 0; i < 4; i++) h[i] = fmix(h[i]!);
  fold();
  const bytes = Buffer.alloc(16);
  h.forEach((word, i) => bytes.writeUInt32LE(Number(word), 4 * i));
  return bytes;
}

function ours(key: Uint8Array): Uint8Array {
  const words = Buffer.from(key);
  const murmur = new Murmur128();
  murmur.start();
  for (let at = 0; at < words.length; at += 16) {
    murmur.block(words.readUInt32LE(at), words.readUInt32LE(at + 4), words.readUInt32LE(at + 8), words.readUInt32LE(at + 12));
  }
  murmur.finish();
  const bytes = Buffer.alloc(16);
  [murmur.h1, murmur.h2, murmur.h3, murmur.h4].forEach((word, i) => bytes.writeInt32LE(word | 0, 4 * i));
  return bytes;
}

describe('MurmurHash3_x86_128', () => {
  it('has a reference here that gives the verification value published with it', () => {
    // SMHasher's VerificationTest: keys {}, {0}, {0,1}, … with seeds 256, 255, …; then the hash of all their hashes.
    const key = Uint8Array.from({ length: 256 }, (_, i) => i);
    const hashes = Buffer.concat(Array.from({ length: 256 }, (_, i) => reference(key.subarray(0, i), 256 - i)));
    expect(Buffer.from(reference(hashes, 0)).readUInt32LE(0)).toBe(0xb3ece62a);
  });

  it('gives what the reference gives, for any number of whole blocks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160, size: 'max' }), (bytes) => {
        const key = bytes.subarray(0, bytes.length - (bytes.length % 16));
        expect(ours(key)).toEqual(reference(key, 0));
      }),
    );
  });

  it('gives what the reference gives for words with every bit set', () => {
    const key = new Uint8Array(64).fill(0xff);
    expect(ours(key)).toEqual(reference(key, 0));
  });

  it('starts afresh', () => {
    const murmur = new Murmur128();
    const once = (): number => {
      murmur.start();
      murmur.block(1, 2, 3, 4);
      murmur.finish();
      return murmur.h1;
    };
    expect(once()).toBe(once());
  });
});
