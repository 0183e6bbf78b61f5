/**
 * Identities of many rows, brought together: what has the same first word stands side by side. Held per identity: eight
 * bytes, its first word above its number, sorted as one unsigned integer by the engine.
 */

/** Which half of a 64-bit element holds the more significant word here. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;

export class IdentityOrder {
  private readonly halves: Uint32Array;
  private readonly keys: BigUint64Array;
  private length = 0;

  constructor(lengthMax: number) {
    this.keys = new BigUint64Array(lengthMax);
    this.halves = new Uint32Array(this.keys.buffer);
  }

  /** `number` is what stands for the identity, 0..2^32−1. */
  add(firstWord: number, number: number): void {
    const at = 2 * this.length++;
    this.halves[at + HIGH] = firstWord;
    this.halves[at + LOW] = number;
  }

  /**
   * Calls `visit` with the numbers of every run of identities that begin with the same word, ascending by word, and
   * within a run by number. Runs shorter than `lengthMin` are left out.
   */
  eachRun(lengthMin: number, visit: (numbers: readonly number[]) => void): void {
    const { halves, length } = this;
    this.keys.subarray(0, length).sort();
    for (let from = 0, to = 1; from < length; from = to++) {
      while (to < length && halves[2 * to + HIGH] === halves[2 * from + HIGH]) to++;
      if (to - from < lengthMin) continue;
      const numbers: number[] = [];
      for (let at = from; at < to; at++) numbers.push(halves[2 * at + LOW] as number);
      visit(numbers);
    }
  }
}
