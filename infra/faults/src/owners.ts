/** Aggregators that fold what is no longer theirs: one that slept beyond its session and wakes, and one that nobody told of the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, World } from './fault';

/** The session ends after 6 s (`run.ts`). */
const ASLEEP_MS = { min: 12_000, max: 20_000 };
const AWAKE_MS = 5_000;
const BOTH_MS = 20_000;
const AGGREGATORS = 2;
/** A group of consumers that knows nothing of the usual one. */
const ZOMBIES = 'zombie';

function pauseAggregator(): Fault {
  let paused: string | undefined;
  const wake = async ({ processes }: World): Promise<void> => {
    if (paused !== undefined) await processes.signal(paused, 'SIGCONT');
  };
  return {
    name: 'pause-aggregator',
    what: `SIGSTOP of an aggregator for up to ${ASLEEP_MS.max / 1_000} s, beyond its session; then it goes on writing`,
    async inject(world) {
      const { processes, random, regions, say } = world;
      paused = `aggregator/${random.pick(regions)}/${random.between(1, AGGREGATORS)}`;
      say(`SIGSTOP ${paused}`);
      await processes.signal(paused, 'SIGSTOP');
      await sleep(random.between(ASLEEP_MS.min, ASLEEP_MS.max));
      await wake(world);
      await sleep(AWAKE_MS);
    },
    heal: wake,
  };
}

function twoOwners(): Fault {
  let second: string | undefined;
  return {
    name: 'two-owners',
    what: `two aggregators of a region in groups of their own fold all its logs at once, for ${BOTH_MS / 1_000} s`,
    async inject({ processes, random, regions, say }) {
      second = `aggregator/${random.pick(regions)}/2`;
      say(`${second} folds all logs, too`);
      await processes.restart(second, { MERIDIAN_KAFKA_GROUP: ZOMBIES });
      await sleep(BOTH_MS);
    },
    async heal({ processes }) {
      if (second !== undefined) await processes.restart(second);
    },
  };
}

export function ownerFaults(): Fault[] {
  return [pauseAggregator(), twoOwners()];
}
