/**
 * Clocks that are wrong: all services of one region 5 minutes ahead, then also those of another 5 minutes behind: these hold
 * T back, and what a clock that is ahead does to it would never be seen. When all are right again, T is judged as it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from './api';
import { FaultsError } from './errors';
import { eventually, type Fault, type World } from './fault';
import { preloading } from './preload';

const SKEW_MS = 300_000;

export interface ClockPace {
  /** How long one region is ahead alone, and then with the other behind, ms. */
  readonly aheadMs: number;
  readonly bothMs: number;
  /**
   * How far T may be ahead of what it vouches for, meanwhile and shortly after. Other regions' clocks bound it, but not that
   * of a sample by a clock that is ahead: T may pass the moment it was taken at by its age. One a second is taken, a cut waits 5 s.
   */
  readonly slackMs: number;
  /** Under load with right clocks, and no slack. */
  readonly afterMs: number;
}

const PACE: ClockPace = { aheadMs: 20_000, bothMs: 20_000, slackMs: 10_000, afterMs: 20_000 };
const CUTS_WITHIN_MS = 60_000;
/** How old the last line of a service's log may be when its clock is read from it. */
const TOLD_WITHIN_MS = 240_000;

const servicesOf = (region: string): readonly string[] => [`aggregator/${region}/1`, `aggregator/${region}/2`, `reconciliation/${region}`, `ingest/${region}`];

export function clockFault({ aheadMs, bothMs, slackMs, afterMs }: ClockPace = PACE): Fault {
  let skewed: readonly string[] = [];
  return {
    name: 'clock-skew',
    what: `the services of a region are ${SKEW_MS / 60_000} minutes ahead for ${(aheadMs + bothMs) / 1_000} s, after ${aheadMs / 1_000} s those of another as much behind`,
    async inject({ processes, random, regions, checker, say }: World) {
      const [ahead, behind] = random.shuffled(regions) as [string, string];
      say(`${ahead} is ahead, ${behind} behind`);
      skewed = [ahead, behind];
      checker.slackMs = slackMs;
      const said = await Promise.all([ahead, behind].flatMap(servicesOf).map(async (name) => ({ name, listen: await processes.listen(name) })));
      const env = (skewMs: number) => ({ NODE_OPTIONS: preloading('skew'), MERIDIAN_FAULTS_SKEW_MS: String(skewMs) });
      await Promise.all(servicesOf(ahead).map((name) => processes.restart(name, env(SKEW_MS))));
      await sleep(aheadMs);
      await Promise.all(servicesOf(behind).map((name) => processes.restart(name, env(-SKEW_MS))));
      await sleep(bothMs);
      for (const { name, listen } of said) {
        const expected = servicesOf(ahead).includes(name) ? SKEW_MS : -SKEW_MS;
        const skewMs = skewOf(await listen(), Date.now());
        if (!(Math.abs(skewMs - expected) < TOLD_WITHIN_MS)) throw new FaultsError('faults_not_as_expected', `the clock of ${name} is ${skewMs} ms from ours, not ${expected}`);
      }
    },
    async heal(world) {
      const { processes, checker } = world;
      try {
        await Promise.all(skewed.flatMap(servicesOf).map((name) => processes.restart(name)));
        // Samples by right clocks, and then every region at a cut that was begun after them.
        await sleep(slackMs);
        await newCuts(world);
      } finally {
        checker.slackMs = 0;
      }
      await sleep(afterMs);
    },
  };
}

/** How far the clock that stamped the last line of a service's log is ahead of ours, ms; NaN when there is no such line. */
function skewOf(said: string, now: number): number {
  const times = [...said.matchAll(/"time":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  return (times.at(-1) ?? Number.NaN) - now;
}

/** Rejects unless every region soon answers at a cut that is made from now on: the next one may have been begun before. */
async function newCuts({ api, regions }: World): Promise<void> {
  let newest: number | undefined;
  let claims: readonly Claim[] = [];
  await eventually('every region is at a cut made by right clocks', CUTS_WITHIN_MS, async () => {
    claims = await Promise.all(regions.map((region) => api.claim(region)));
    newest ??= Math.max(...claims.map(({ cut }) => cut));
    return Math.min(...claims.map(({ cut }) => cut)) > newest + 1;
  }).catch((cause: unknown) => {
    throw new FaultsError('faults_not_as_expected', `${(cause as Error).message}: the newest was ${newest}, now ${JSON.stringify(claims)}`, { cause });
  });
}
