/**
 * Replication that stops, is late, or mixes up the order, by the replicator's own `PUT /faults`. While it is stopped
 * every region that waits must say so, and for whom.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Faults } from '@meridian/local';
import { FaultsError } from './errors';
import { eventually, keepsSaying, saysWhy, type Fault, type Reason, type World } from './fault';

const LASTS_MS = 60_000;
/** The source's rows reach the third region as ever; on a machine with ten times as much to do, as late as it is exact (settle.ts). */
const CUT_WITHIN_MS = 240_000;
const MIXED_MS = 15_000;
const MIXED_DELAY_MS = 2_000;
/** Requests of the replicator that were under way when it was told. */
const UNDER_WAY_MS = 2_000;
/**
 * After this what was here before the region was cut off is in cuts, and its newest sample is too old (15 s, `apps.ts` of
 * infra/local): a reason that is given then is of what is cut off, and stays.
 */
const STALE_MS = 20_000;
/** At least so long a region is held to the reason that it gave. */
const HELD_MS = 15_000;
const TIMEOUT_MS = 10_000;

async function order({ replicator }: World, faults: Partial<Faults>): Promise<void> {
  const response = await fetch(`${replicator}/faults`, { method: 'PUT', body: JSON.stringify(faults), signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new FaultsError('faults_no_answer', `the replicator refused: ${await response.text()}`);
}

const heal = (world: World): Promise<void> => order(world, {});

interface Lag {
  readonly source: string;
  readonly target: string;
  readonly applied: number;
  readonly waiting: number;
  readonly oldestMs: number;
}

interface Status {
  readonly faults: Faults;
  readonly tables: Readonly<Record<string, readonly Lag[]>>;
}

/** What the replicator does now. Rejects unless the order still stands: it is gone when the replicator was started again. */
async function lags({ replicator }: World, ordered: Partial<Faults>): Promise<readonly Lag[]> {
  const { faults, tables } = (await (await fetch(`${replicator}/status`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).json()) as Status;
  for (const [name, value] of Object.entries(ordered)) {
    if (!isDeepStrictEqual(faults[name as keyof Faults], value)) throw notSo(`the replicator has the order ${JSON.stringify(faults)}, not ${JSON.stringify(ordered)}`);
  }
  return Object.values(tables).flat();
}

/** Rejects unless the replicator still holds back all that it was told to, and something waits for each pair. */
async function isHeldBack(world: World, cut: Faults['cut']): Promise<void> {
  const all = await lags(world, { cut });
  const of = (one: string, name: string): boolean => one === '*' || one === name;
  for (const [source, target] of cut) {
    const pairs = all.filter((lag) => of(source, lag.source) && of(target, lag.target));
    if (pairs.length === 0 || pairs.some(({ waiting }) => waiting === 0)) throw notSo(`nothing waits between ${source} and ${target}: ${JSON.stringify(pairs)}`);
  }
}

function notSo(message: string): FaultsError {
  return new FaultsError('faults_not_as_expected', message);
}

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
    const cut = [[source, target]] as const;
    await order(world, { cut });
    const ofSource = ({ region, log }: Reason): boolean => region === source || log?.startsWith(`${source}.`) === true;
    const lag = ({ code, region }: Reason): boolean => code === 'replication_lag' && region === source;
    await sleep(UNDER_WAY_MS);
    // What is written from now on the target lacks for certain.
    const written = new Map((await world.api.coverage(source)).map((one) => [one.log, one.folded]));
    await saysWhy(world, target, ofSource);
    await eventually(`${third} is at a cut with rows of ${source} that ${target} lacks`, CUT_WITHIN_MS, async () => {
      const logs = await world.api.coverage(third);
      return logs.some(({ log, region, cut: at }) => region === source && at > (written.get(log) ?? Infinity));
    });
    await saysWhy(world, target, lag);
    // It cannot get what it waits for: from here on, whatever cut it is at, it says so.
    await keepsSaying(world, target, lag, () => sleep(Math.max(until - Date.now(), HELD_MS)));
    await isHeldBack(world, cut);
  },
  heal,
};

/** Both ways: nobody can vouch for what the region writes, and it has nothing of what the others write. */
const region: Fault = {
  name: 'replication-region',
  what: `nothing replicates from and to one region for ${LASTS_MS / 1_000} s`,
  async inject(world) {
    const cutOff = world.random.pick(world.regions);
    world.say(`replication-region: ${cutOff}`);
    const until = Date.now() + LASTS_MS;
    const cut = [[cutOff, '*'], ['*', cutOff]] as const;
    await order(world, { cut });
    const ofCutOff = ({ code, region: of, log }: Reason): boolean => (code === 'region_unreachable' && of === cutOff) || (code === 'not_folded' && log?.startsWith(`${cutOff}.`) === true);
    const ofOthers = ({ code, region: of }: Reason): boolean => code !== 'conflict' && of !== cutOff;
    await sleep(STALE_MS);
    await Promise.all(world.regions.map(async (one) => {
      const isIt = one === cutOff ? ofOthers : ofCutOff;
      await saysWhy(world, one, isIt);
      await keepsSaying(world, one, isIt, () => sleep(Math.max(until - Date.now(), HELD_MS)));
    }));
    await isHeldBack(world, cut);
  },
  heal,
};

const mixed: Fault = {
  name: 'replication-reorder',
  what: `every change replicates ${MIXED_DELAY_MS / 1_000} s late and in mixed order for ${MIXED_MS / 1_000} s`,
  async inject(world) {
    const faults = { delayMs: MIXED_DELAY_MS, reorder: true };
    const before = await lags(world, {});
    await order(world, faults);
    await sleep(MIXED_MS);
    const after = await lags(world, faults);
    // Of every pair changes were applied meanwhile, and those that wait have waited longer than without the order.
    const pairs = after.map(({ applied, oldestMs }, at) => ({ applied: applied - (before[at]?.applied ?? 0), oldestMs }));
    if (!pairs.every(({ applied }) => applied > 0) || !pairs.some(({ oldestMs }) => oldestMs > MIXED_DELAY_MS / 2)) throw notSo(`nothing was late: ${JSON.stringify(after)}`);
  },
  heal,
};

export function replicationFaults(): Fault[] {
  return [pair, region, mixed];
}
