import type { Random } from '@meridian/accounting';
import { planCrashes, RoamPlan, type Route } from './plan';

const REGIONS = ['a', 'b', 'c'];

/** xorshift32: any source of chance will do here. */
function chance(seed: number): Random {
  let state = seed;
  return {
    next: () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    },
  };
}

function routes(options: { roam: number; resend: number; regions?: readonly string[]; seed?: number; rows?: number }): Route[] {
  const plan = new RoamPlan({ regions: REGIONS, ...options }, chance(options.seed ?? 1));
  return Array.from({ length: options.rows ?? 1_000 }, (_, row) => plan.next(`s${row % 10}`));
}

describe('the plan of a replay', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(routes({ roam: 0.2, resend: 0.1 })).toEqual(routes({ roam: 0.2, resend: 0.1 }));
    expect(routes({ roam: 0.2, resend: 0.1 })).not.toEqual(routes({ roam: 0.2, resend: 0.1, seed: 2 }));
  });

  it('keeps a session where it began when it may not roam', () => {
    const all = routes({ roam: 0, resend: 0 });
    for (let row = 10; row < all.length; row++) expect(all[row]).toEqual(all[row % 10]);
    expect(new Set(all.map(({ region }) => region)).size).toBeGreaterThan(1);
  });

  it('moves a session before every later event when it must roam', () => {
    const all = routes({ roam: 1, resend: 0 });
    for (let row = 10; row < all.length; row++) expect(all[row]?.region).not.toBe(all[row - 10]?.region);
  });

  it('sends again with the probability asked for, always to another region', () => {
    const again = routes({ roam: 0.5, resend: 0.3, rows: 10_000 }).filter(({ resendTo }) => resendTo !== undefined);
    expect(again.length).toBeGreaterThan(2_800);
    expect(again.length).toBeLessThan(3_200);
    expect(again.filter(({ region, resendTo }) => region === resendTo)).toEqual([]);
  });

  it('sends again to the same region when there is no other', () => {
    expect(routes({ roam: 1, resend: 1, regions: ['a'] }).every(({ region, resendTo }) => region === 'a' && resendTo === 'a')).toBe(true);
  });

  it('spreads crashes over the run, in order', () => {
    const crashes = planCrashes(50, { regions: REGIONS, events: 10_000 }, chance(7));
    expect(crashes).toEqual(planCrashes(50, { regions: REGIONS, events: 10_000 }, chance(7)));
    expect(crashes.map(({ afterEvents }) => afterEvents)).toEqual(crashes.map(({ afterEvents }) => afterEvents).sort((a, b) => a - b));
    expect(crashes.every(({ afterEvents }) => afterEvents >= 500 && afterEvents <= 9_500)).toBe(true);
    expect(new Set(crashes.map(({ region }) => region))).toEqual(new Set(REGIONS));
  });
});
