/**
 * Replication that stops, is late, or mixes up the order, by the replicator's own `PUT /faults`. While it is stopped
 * every region that waits must say so, and for whom.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults } from '@meridian/local';
import { FaultsError } from './errors';
import { eventually, saysWhy, type Fault, type World } from './fault';

const LASTS_MS = 60_000;
/** The source's rows reach the third region as ever; on a machine with ten times as much to do, late. */
const CUT_WITHIN_MS = 120_000;
const MIXED_MS = 15_000;
const TIMEOUT_MS = 10_000;

async function order({ replicator }: World, faults: Partial<Faults>): Promise<void> {
  const response = await fetch(`${replicator}/faults`, { method: 'PUT', body: JSON.stringify(faults), signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new FaultsError('faults_no_answer', `the replicator refused: ${await response.text()}`);
}

const heal = (world: World): Promise<void> => order(world, {});

/**
 * One way only: the target lacks what the source writes. Until a cut has some of that, the target knows of it by the source's
 * logs that are behind and its samples that do not come; `replication_lag` is said of what a cut has and the replica
 * has not. Such a cut comes when a third region has the rows, which takes as long as the machine needs to fold and replicate them.
 */
const pair: Fault = {
  name: 'replication-pair',
  what: `nothing replicates from one region to another for at least ${LASTS_MS / 1_000} s`,
  async inject(world) {
    const [source, target, third] = world.random.shuffled(world.regions) as [string, string, string];
    world.say(`replication-pair: ${source} to ${target}`);
    const until = Date.now() + LASTS_MS;
    await order(world, { cut: [[source, target]] });
    await saysWhy(world, target, ({ region, log }) => region === source || log?.startsWith(`${source}.`) === true);
    await eventually(`${third} is at a cut with rows of ${source} that ${target} lacks`, CUT_WITHIN_MS, () => isAhead(world, { source, target, third }));
    await saysWhy(world, target, ({ code, region }) => code === 'replication_lag' && region === source);
    await sleep(until - Date.now());
    await saysWhy(world, target, ({ code, region }) => code === 'replication_lag' && region === source);
  },
  heal,
};

async function isAhead({ api }: World, { source, target, third }: Readonly<Record<'source' | 'target' | 'third', string>>): Promise<boolean> {
  const reached = new Map((await api.coverage(target)).map((one) => [one.log, one.reached]));
  const ahead = await api.coverage(third);
  return ahead.some(({ log, region, cut }) => region === source && cut > (reached.get(log) ?? 0));
}

/** Both ways: nobody can vouch for what the region writes, and it has nothing of what the others write. */
const region: Fault = {
  name: 'replication-region',
  what: `nothing replicates from and to one region for ${LASTS_MS / 1_000} s`,
  async inject(world) {
    const cutOff = world.random.pick(world.regions);
    world.say(`replication-region: ${cutOff}`);
    const until = Date.now() + LASTS_MS;
    await order(world, { cut: [[cutOff, '*'], ['*', cutOff]] });
    const others = world.regions.filter((one) => one !== cutOff);
    await Promise.all([
      ...others.map((one) => saysWhy(world, one, ({ code, region: of, log }) => (code === 'region_unreachable' && of === cutOff) || (code === 'not_folded' && log?.startsWith(`${cutOff}.`) === true))),
      saysWhy(world, cutOff, ({ code, region: of }) => code !== 'conflict' && of !== cutOff),
    ]);
    await sleep(until - Date.now());
  },
  heal,
};

const mixed: Fault = {
  name: 'replication-reorder',
  what: `every change replicates 2 s late and in mixed order for ${MIXED_MS / 1_000} s`,
  async inject(world) {
    await order(world, { delayMs: 2_000, reorder: true });
    await sleep(MIXED_MS);
  },
  heal,
};

export function replicationFaults(): Fault[] {
  return [pair, region, mixed];
}
