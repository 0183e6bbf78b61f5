/** What a fault is, and what it is given to do harm with. */
import type { Api, Claim, Urls } from './api';
import type { Checker } from './checker';
import { FaultsError } from './errors';
import type { Fronts } from './fronts';
import type { Load } from './load';
import type { Processes } from './processes';
import type { Random } from './random';
import { setTimeout as sleep } from 'node:timers/promises';

export type Reason = Claim['reasons'][number];

export interface World {
  /** Of the stack, everything below it. */
  readonly directory: string;
  readonly regions: readonly string[];
  readonly api: Api;
  readonly load: Load;
  readonly checker: Checker;
  readonly processes: Processes;
  readonly fronts: Fronts;
  readonly urls: Urls;
  readonly replicator: string;
  /** URLs of each region's aggregators. */
  readonly aggregators: Readonly<Record<string, readonly string[]>>;
  readonly random: Random;
  readonly say: (line: string) => void;
  /** Exact and final, publishers at rest: before what may lose what was not folded. Rejects when it is not. */
  readonly settled: () => Promise<void>;
  /** Undone at the end, last first, whatever happened. */
  readonly atEnd: (undo: () => Promise<void>) => void;
}

export interface Fault {
  readonly name: string;
  /** One clause, for the report: what is done. */
  readonly what: string;
  /** Resolves when it has done its worst. */
  inject(world: World): Promise<void>;
  /** Takes it back. Also called when `inject` failed half way. */
  heal(world: World): Promise<void>;
}

const LOOK_EVERY_MS = 500;

/** Rejects when it does not come true in time. */
export async function eventually(what: string, withinMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + withinMs;
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > until) throw new FaultsError('faults_not_as_expected', `${what}: not so within ${withinMs} ms`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Rejects unless the region says, within a time, that its answers are provisional for such a reason. */
export async function saysWhy(world: World, region: string, isIt: (reason: Reason) => boolean): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const { isFinal, reasons } = await world.api.claim(region);
    return !isFinal && reasons.some(isIt);
  };
  await eventually(`${region} is provisional, and says why`, SAYS_WITHIN_MS, isSo).catch(async (cause: unknown) => {
    const claims = await Promise.allSettled(world.regions.map(async (one) => ({ region: one, ...(await world.api.claim(one)) })));
    throw new FaultsError('faults_not_as_expected', `${(cause as Error).message}: ${JSON.stringify(claims)}`, { cause });
  });
}

/**
 * Does something while the region, asked again and again, says of its answers that they are provisional for such a reason.
 * Rejects when once it did not, or never answered. (A claim is of the region: every total that it answers has the same.)
 */
export async function keepsSaying({ api }: Pick<World, 'api'>, region: string, isIt: (reason: Reason) => boolean, act: () => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const others: Claim[] = [];
  let asked = 0;
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const claim = await api.claim(region).catch(() => undefined);
      if (claim) asked++;
      if (claim && (claim.isFinal || !claim.reasons.some(isIt))) others.push(claim);
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  try {
    await act();
  } finally {
    stopping.abort();
    await watching;
  }
  if (asked === 0) throw new FaultsError('faults_no_answer', `${region} never said whether its answers are final`);
  if (others.length > 0) throw new FaultsError('faults_not_as_expected', `${region} did not keep saying why it is provisional: ${others.length} of ${asked} times otherwise, first ${JSON.stringify(others[0])}`);
}

/** A cut waits 5 s, a replica 5 s more; a region is unreachable after 15 s. */
const SAYS_WITHIN_MS = 45_000;
