/**
 * Clocks that are wrong: all services of one region 5 minutes ahead, of another 5 minutes behind. T compares the clocks of
 * samplers and is as good as they are (docs/protocol.md, 6): it may be ahead by as much, for as long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, World } from './fault';
import { preloading } from './preload';

const SKEW_MS = 300_000;
const LASTS_MS = 30_000;
/** The checker and a service read their clocks one after the other. */
const MARGIN_MS = 10_000;

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
      const env = (skewMs: number) => ({ NODE_OPTIONS: preloading('skew'), MERIDIAN_FAULTS_SKEW_MS: String(skewMs) });
      await Promise.all(servicesOf(ahead).map((name) => processes.restart(name, env(SKEW_MS))));
      await Promise.all(servicesOf(behind).map((name) => processes.restart(name, env(-SKEW_MS))));
      await sleep(LASTS_MS);
    },
    async heal({ processes, checker }) {
      await Promise.all(skewed.flatMap(servicesOf).map((name) => processes.restart(name)));
      // A sample of the clock that was ahead is the newest until ours has passed it.
      setTimeout(() => void (checker.slackMs = 0), SKEW_MS + MARGIN_MS).unref();
    },
  };
}
