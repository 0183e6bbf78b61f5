/** Aggregators that fold what is no longer theirs: one that slept beyond its session and wakes, and one that nobody told of the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultsError } from './errors';
import { eventually, type Fault, type World } from './fault';
import { byLog, FOLDED, grown, LAG } from './metrics';

/** The session ends after 6 s (`run.ts`). */
const ASLEEP_MS = { min: 12_000, max: 20_000 };
const AWAKE_MS = 5_000;
/** Until an aggregator has logs, and until another has them: a group agrees again within a session and a rebalance. */
const HOLDS_WITHIN_MS = 60_000;
const BOTH_MS = 20_000;
const AGGREGATORS = 2;
/** A group of consumers that knows nothing of the usual one. */
const ZOMBIES = 'zombie';

function pauseAggregator(): Fault {
  let paused: string | undefined;
  const wake = async ({ processes }: World): Promise<void> => {
    const name = paused;
    paused = undefined;
    if (name !== undefined) await processes.signal(name, 'SIGCONT');
  };
  return {
    name: 'pause-aggregator',
    what: `SIGSTOP of an aggregator for up to ${ASLEEP_MS.max / 1_000} s, beyond its session: the other has its logs when it goes on`,
    async inject(world) {
      const { processes, random, regions, aggregators, say } = world;
      const [region, instance] = [random.pick(regions), random.between(1, AGGREGATORS)];
      const [own = '', other = ''] = instance === 1 ? (aggregators[region] ?? []) : (aggregators[region] ?? []).toReversed();
      const asleepMs = random.between(ASLEEP_MS.min, ASLEEP_MS.max);
      const name = `aggregator/${region}/${instance}`;
      const held = async (url: string): Promise<readonly string[]> => [...(await byLog(url, LAG)).keys()];
      await eventually(`${name} folds logs`, HOLDS_WITHIN_MS, async () => (await held(own)).length > 0);
      const [logs, before] = [await held(own), await byLog(own, FOLDED)];
      say(`SIGSTOP ${name}, which folds ${logs.join(', ')}`);
      await processes.signal(name, 'SIGSTOP');
      paused = name;
      await sleep(asleepMs);
      await eventually(`the other aggregator of ${region} folds the logs of the one that sleeps`, HOLDS_WITHIN_MS, async () => {
        const taken = await held(other);
        return logs.every((log) => taken.includes(log));
      });
      await wake(world);
      await sleep(AWAKE_MS);
      // Where it had records in hand; how many nobody can order.
      const after = await byLog(own, FOLDED).catch(() => before);
      say(`${name} slept for ${asleepMs} ms or more; ${AWAKE_MS} ms after it woke it had folded on in ${grown(before, after).length} logs`);
    },
    heal: wake,
  };
}

function twoOwners(): Fault {
  let second: string | undefined;
  return {
    name: 'two-owners',
    what: `two aggregators of a region in groups of their own fold all its logs at once, for ${BOTH_MS / 1_000} s`,
    async inject({ processes, random, regions, aggregators, say }) {
      const region = random.pick(regions);
      second = `aggregator/${region}/2`;
      await processes.restart(second, { MERIDIAN_KAFKA_GROUP: ZOMBIES });
      const both = (): Promise<ReadonlyMap<string, number>[]> => Promise.all((aggregators[region] ?? []).map(async (url) => new Map(await byLog(url, FOLDED))));
      const before = await both();
      await sleep(BOTH_MS);
      const [first = [], zombie = []] = (await both()).map((after, at) => grown(before[at] ?? new Map(), after));
      const shared = first.filter((log) => zombie.includes(log));
      say(`both aggregators of ${region} folded ${shared.join(', ')}`);
      if (shared.length === 0) throw new FaultsError('faults_not_as_expected', `two-owners in ${region}: there was no log that both folded`);
    },
    async heal({ processes }) {
      if (second !== undefined) await processes.restart(second);
    },
  };
}

export function ownerFaults(): Fault[] {
  return [pauseAggregator(), twoOwners()];
}
