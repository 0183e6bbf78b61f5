/**
 * Clocks that are wrong: all services of one region 5 minutes ahead, of another 5 minutes behind. T compares the clocks of
 * samplers and is as good as they are (docs/protocol.md, 6): it may be ahead by as much, for as long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultsError } from './errors';
import type { Fault, World } from './fault';
import { preloading } from './preload';

const SKEW_MS = 300_000;
const LASTS_MS = 30_000;
/** The checker and a service read their clocks one after the other. */
const MARGIN_MS = 10_000;
/** How old the last line of a service's log may be when its clock is read from it. */
const TOLD_WITHIN_MS = 120_000;

const servicesOf = (region: string): readonly string[] => [`aggregator/${region}/1`, `aggregator/${region}/2`, `reconciliation/${region}`, `ingest/${region}`];

export function clockFault(): Fault {
  let skewed: readonly string[] = [];
  return {
    name: 'clock-skew',
    what: `the services of a region are ${SKEW_MS / 60_000} minutes ahead, those of another as much behind, for ${LASTS_MS / 1_000} s`,
    async inject({ processes, random, regions, checker, say }: World) {
      const [ahead, behind] = random.shuffled(regions) as [string, string];
      say(`${ahead} is ahead, ${behind} behind`);
      skewed = [ahead, behind];
      checker.slackMs = SKEW_MS + MARGIN_MS;
      const said = await Promise.all([ahead, behind].flatMap(servicesOf).map(async (name) => ({ name, listen: await processes.listen(name) })));
      const env = (skewMs: number) => ({ NODE_OPTIONS: preloading('skew'), MERIDIAN_FAULTS_SKEW_MS: String(skewMs) });
      await Promise.all(servicesOf(ahead).map((name) => processes.restart(name, env(SKEW_MS))));
      await Promise.all(servicesOf(behind).map((name) => processes.restart(name, env(-SKEW_MS))));
      for (const { name, listen } of said) {
        const skewMs = skewOf(await listen(), Date.now());
        if (!(Math.abs(Math.abs(skewMs) - SKEW_MS) < TOLD_WITHIN_MS)) throw new FaultsError('faults_not_as_expected', `the clock of ${name} is ${skewMs} ms from ours`);
      }
      await sleep(LASTS_MS);
    },
    async heal({ processes, checker }) {
      await Promise.all(skewed.flatMap(servicesOf).map((name) => processes.restart(name)));
      // A sample of the clock that was ahead is the newest until ours has passed it.
      setTimeout(() => void (checker.slackMs = 0), SKEW_MS + MARGIN_MS).unref();
    },
  };
}

/** How far the clock that stamped the last line of a service's log is ahead of ours, ms; NaN when there is no such line. */
function skewOf(said: string, now: number): number {
  const times = [...said.matchAll(/"time":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  return (times.at(-1) ?? Number.NaN) - now;
}
