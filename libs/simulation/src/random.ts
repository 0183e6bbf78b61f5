/** The simulator's only source of chance: everything random in a run comes from its seed. */
import type { Random } from '@meridian/accounting';

/** sfc32 (Chris Doty-Humphrey, PractRand, public domain), seeded by a number. */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  constructor(seed: number) {
    this.a = 0x9e3779b9;
    this.b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.c = seed | 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  next(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t | 0;
    return (t >>> 0) / 0x1_0000_0000;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** An integer in [from, to]. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)] as T;
  }

  /** Mostly near `mean`, now and then much longer: latencies and delays. */
  delay(mean: number): number {
    const factor = this.chance(0.05) ? this.next() * 10 : this.next() * 2;
    return Math.ceil(mean * factor);
  }
}
