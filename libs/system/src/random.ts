/** Chance: the machine's, and one that a seed decides. */
import type { Random } from '@meridian/accounting';

export const systemRandom: Random = { next: () => Math.random() };

const GOLDEN_RATIO = 0x9e37_79b9;
const TWO_TO_32 = 0x1_0000_0000;
/** Mixes the seed into all of the state. */
const WARM_UP = 15;

/**
 * sfc32 (Chris Doty-Humphrey, PractRand, public domain): 128 bits of state, period 2^64 at least. The same seed gives
 * the same numbers on every machine. `seed`: an integer 0..2^53−1. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = Math.floor(seed / TWO_TO_32) | 0;
  let b = seed | 0;
  let c = GOLDEN_RATIO | 0;
  let counter = 1;
  const draw = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < WARM_UP; i++) draw();
  return { next: () => draw() / TWO_TO_32 };
}
