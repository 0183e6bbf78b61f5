import { seededRandom, systemRandom } from './random';

const draw = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    for (const seed of seeds) expect(draw(seed, 100)).toEqual(draw(seed, 100));
    expect(new Set(seeds.map((seed) => draw(seed, 4).join())).size).toBe(seeds.length);
  });

  it('never changes what a seed means', () => {
    expect(draw(42, 3).map((value) => value * 2 ** 32)).toEqual([2_180_834_394, 1_350_328_659, 1_924_803_457]);
  });

  it('is uniform in [0, 1)', () => {
    const tenths = new Array<number>(10).fill(0);
    for (const value of draw(7, 100_000)) tenths[Math.floor(value * 10)]! += 1;
    expect(tenths).toHaveLength(10);
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

describe('systemRandom', () => {
  it('stays in [0, 1)', () => {
    for (let i = 0; i < 1_000; i++) expect(Math.floor(systemRandom.next())).toBe(0);
  });
});
