/**
 * Waiting until every region's answer covers every acknowledged event and is final. Ingest said where the events stand
 * (`through`); a region's newest resolved cut covers them when its offset of every such log is there or beyond.
 * As long as anything moves it is worth waiting; the deadline is for when nothing does.
 */
import { MeridianError, type Clock, type LogId } from '@meridian/accounting';
import type { CoverageJson } from '../api';
import type { Client } from '../client';
import { startProgress } from '../progress';
import { readView, type Range, type RegionView } from './view';

export interface Settlement {
  readonly views: readonly RegionView[];
  /** As the first region sees the logs. */
  readonly coverage: CoverageJson;
  /** False when the deadline passed first. */
  readonly isSettled: boolean;
  /** Regions whose cut does not cover everything acknowledged, with what they say. */
  readonly behind: readonly RegionCoverage[];
}

export interface SettleOptions {
  readonly readers: ReadonlyMap<string, Client>;
  readonly through: ReadonlyMap<LogId, number>;
  readonly tenant: string;
  readonly range: Range;
  /** How long nothing may move. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface RegionCoverage {
  readonly region: string;
  readonly coverage: CoverageJson;
}

const POLL_INTERVAL_MS = 250;

export async function settle(options: SettleOptions): Promise<Settlement> {
  const { clock, deadlineMs, signal, readers, through } = options;
  const progress = startProgress('counting', sum([...through.values()]) * readers.size);
  let standing = -1;
  let movedAt = clock.now();
  try {
    for (;;) {
      signal.throwIfAborted();
      const isLate = clock.now() - movedAt > deadlineMs;
      try {
        const coverages = await Promise.all([...readers].map(([region, client]) => look(region, client)));
        const settlement = await judge(coverages, options, isLate);
        if (settlement) return settlement;
        const now = sum(coverages.map(({ coverage }) => standingOf(coverage)));
        if (now !== standing) movedAt = clock.now();
        standing = now;
        progress.update(sum(coverages.map(({ coverage }) => coveredOf(coverage, through))));
      } catch (error) {
        if (isLate || !(error instanceof MeridianError) || !error.retryable) throw error;
      }
      await clock.sleep(POLL_INTERVAL_MS, signal);
    }
  } finally {
    progress.stop();
  }
}

async function look(region: string, client: Client): Promise<RegionCoverage> {
  return { region, coverage: await client.get<CoverageJson>('/v1/coverage') };
}

/** Undefined while there is something to wait for; at the deadline whatever there is. */
async function judge(coverages: readonly RegionCoverage[], options: SettleOptions, isLate: boolean): Promise<Settlement | undefined> {
  const { readers, through, tenant, range } = options;
  const behind = coverages.filter(({ coverage }) => coveredOf(coverage, through) < sum([...through.values()]));
  const isCovered = behind.length === 0 && coverages.every(({ coverage }) => coverage.status !== 'provisional');
  const [first] = coverages;
  if (!first || !(isCovered || isLate)) return undefined;
  const views = await Promise.all([...readers].map(([region, client]) => readView(region, client, { tenant, range })));
  const isSettled = isCovered && views.every(({ claim }) => claim.status !== 'provisional');
  return isSettled || isLate ? { views, coverage: first.coverage, isSettled, behind } : undefined;
}

/** Offsets below `through` that the region's cut covers: as many as there are when it covers all. */
function coveredOf({ logs }: CoverageJson, through: ReadonlyMap<LogId, number>): number {
  const cuts = new Map(logs.map(({ log, cut }) => [log, cut]));
  return sum([...through].map(([log, offset]) => Math.min(offset, cuts.get(log) ?? 0)));
}

/** Goes up with whatever is folded, replicated or cut. */
function standingOf({ logs }: CoverageJson): number {
  return sum(logs.map(({ folded, reached, cut }) => folded + reached + cut));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
