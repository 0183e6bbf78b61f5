/**
 * Waiting until every region's answer covers every acknowledged event and is final. Ingest said where the events stand
 * (`through`); a region's newest resolved cut covers them when its offset of every such log is there or beyond.
 */
import { MeridianError, type Clock, type LogId } from '@meridian/accounting';
import type { ClaimJson, CoverageJson } from '../api';
import type { Client } from '../client';
import { readView, type Range, type RegionView } from './view';

export interface Settlement {
  readonly views: readonly RegionView[];
  readonly coverage: CoverageJson;
  /** False when the deadline passed first. */
  readonly isSettled: boolean;
  /** Regions whose cut does not cover everything acknowledged, with what they say. */
  readonly behind: readonly { readonly region: string; readonly claim: ClaimJson }[];
}

export interface SettleOptions {
  readonly readers: ReadonlyMap<string, Client>;
  readonly through: ReadonlyMap<LogId, number>;
  readonly tenant: string;
  readonly range: Range;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const POLL_INTERVAL_MS = 100;

export async function settle(options: SettleOptions): Promise<Settlement> {
  const { clock, deadlineMs, signal } = options;
  const began = clock.now();
  for (;;) {
    signal.throwIfAborted();
    const isLate = clock.now() - began > deadlineMs;
    try {
      const settlement = await look(options, isLate);
      if (settlement) return settlement;
    } catch (error) {
      if (isLate || !(error instanceof MeridianError) || !error.retryable) throw error;
    }
    await clock.sleep(POLL_INTERVAL_MS, signal);
  }
}

/** Undefined while there is something to wait for; at the deadline whatever there is. */
async function look({ readers, through, tenant, range }: SettleOptions, isLate: boolean): Promise<Settlement | undefined> {
  const coverages = await Promise.all([...readers].map(async ([region, client]) => ({ region, coverage: await client.get<CoverageJson>('/v1/coverage') })));
  const behind = coverages.filter(({ coverage }) => !covers(coverage, through)).map(({ region, coverage }) => ({ region, claim: coverage }));
  const isCovered = behind.length === 0 && coverages.every(({ coverage }) => coverage.status !== 'provisional');
  const [first] = coverages;
  if (!first || !(isCovered || isLate)) return undefined;
  const views = await Promise.all([...readers].map(([region, client]) => readView(region, client, { tenant, range })));
  const isSettled = isCovered && views.every(({ claim }) => claim.status !== 'provisional');
  return isSettled || isLate ? { views, coverage: first.coverage, isSettled, behind } : undefined;
}

function covers({ logs }: CoverageJson, through: ReadonlyMap<LogId, number>): boolean {
  const cuts = new Map(logs.map(({ log, cut }) => [log, cut]));
  return [...through].every(([log, offset]) => (cuts.get(log) ?? -1) >= offset);
}
