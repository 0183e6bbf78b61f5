/** Answers as JSON carries them: totals as decimal strings, times as RFC 3339, the claim beside every number. */
import {
  addTokens, BUCKETS, HOUR_MS, identityToHex, tokensToJson,
  type Bucket, type Claim, type LogCoverage, type Reason, type Standing, type TokenTotals, type UsageLine,
} from '@meridian/accounting';
import { formatTime } from '@meridian/http';
import type { CoverageAnswer, ExplainAnswer, SessionAnswer, SessionListAnswer, UsageAnswer } from '@meridian/pipeline';
import { groupUsage } from '@meridian/pipeline';
import type { UsageGroup } from './parameters';

type Json = Readonly<Record<string, unknown>>;

/** 0 stands for "not yet". */
function timeOrNull(ms: number): string | null {
  return ms === 0 ? null : formatTime(ms);
}

export function claimJson({ status, cut, asOf, reasons }: Claim): Json {
  return { status, cut, asOf: timeOrNull(asOf), reasons: reasons.map(reasonJson) };
}

function reasonJson(reason: Reason): Json {
  switch (reason.code) {
    case 'region_unreachable':
      return { ...reason, since: timeOrNull(reason.since) };
    case 'replication_lag':
      return { ...reason, oldest: timeOrNull(reason.oldest) };
    case 'not_folded':
      return { ...reason, behind: reason.behind < 0 ? null : reason.behind };
    case 'conflict':
    case 'no_cut':
      return reason;
  }
}

/** The buckets, and their sum: they are disjoint. */
function tokensJson(tokens: TokenTotals): { readonly tokens: Json; readonly total: string } {
  return { tokens: tokensToJson(tokens), total: Object.values(tokens).reduce((sum, value) => sum + value, 0n).toString() };
}

export function sessionJson(tenant: string, session: string, answer: SessionAnswer): Json {
  const { claim, live, tokens, events, duplicates, conflicts, voided, streams, usage } = answer;
  return {
    tenant, session, ...tokensJson(tokens), events,
    byRegion: sumBy(usage, ({ region }) => ({ region })),
    byModel: sumBy(usage, ({ dimensions: { provider, model } }) => ({ provider, model })),
    duplicates, conflicts, voided, streams,
    ...claimJson(claim),
    ...(live && { live: { estimate: true, events: live.events, ...tokensJson(live.tokens) } }),
  };
}

/** Sums over all hours, by what `keyOf` says of a line; in the order of the keys. */
function sumBy(lines: readonly UsageLine[], keyOf: (line: UsageLine) => Readonly<Record<string, string>>): Json[] {
  const sums = new Map<string, { readonly key: Json; events: number; tokens: TokenTotals }>();
  for (const line of lines) {
    const key = keyOf(line);
    const name = JSON.stringify(Object.values(key));
    const sum = sums.get(name) ?? { key, events: 0, tokens: {} };
    sums.set(name, { key, events: sum.events + line.events, tokens: addTokens(sum.tokens, line.tokens) });
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { key, events, tokens }]) => ({ ...key, events, ...tokensJson(tokens) }));
}

export function explainJson(tenant: string, session: string, { claim, standings }: ExplainAnswer): Json {
  return { tenant, session, ...claimJson(claim), entries: standings.map(standingJson) };
}

function standingJson({ entry, log, stream, outcome, winner, voidedBy }: Standing): Json {
  const { shape } = entry;
  const region = log.slice(0, log.indexOf('.'));
  const where = { identity: identityToHex(entry.identity), region, log, stream, offset: entry.offset, time: formatTime(entry.time) };
  const what = shape.kind === 'void'
    ? { kind: 'void', target: identityToHex(entry.target as typeof entry.identity), reason: shape.reason }
    : { kind: 'usage', ...given(shape.dimensions), tokens: entryTokens(shape.buckets, entry.tokens) };
  return {
    ...where, ...what, outcome,
    ...(outcome === 'duplicate' && winner && { duplicateOf: winner }),
    ...(outcome === 'conflict' && winner && { conflictsWith: winner }),
    ...(voidedBy.length > 0 && { voidedBy }),
  };
}

/** Without what was not given. */
function given(dimensions: object): Json {
  return Object.fromEntries(Object.entries(dimensions).filter(([, value]) => value !== ''));
}

function entryTokens(buckets: readonly number[], counts: readonly number[]): Json {
  return Object.fromEntries(buckets.map((bucket, at) => [BUCKETS[bucket] as Bucket, String(counts[at])]));
}

export function sessionListJson(tenant: string, period: string, { claim, sessions }: SessionListAnswer, next: string | null): Json {
  const list = sessions.map(({ session, tokens, events, duplicates, conflicts, streams }) => ({ session, ...tokensJson(tokens), events, duplicates, conflicts, streams }));
  return { tenant, period, ...claimJson(claim), sessions: list, next };
}

export interface UsageQuestion {
  readonly tenant: string;
  readonly from: number;
  readonly to: number;
  readonly by: 'hour' | 'day';
  readonly group: ReadonlySet<UsageGroup>;
}

export function usageJson({ tenant, from, to, by, group }: UsageQuestion, { claim, lines }: UsageAnswer): Json {
  const grouped = groupUsage(lines, by, group).filter(isSomething);
  return { tenant, from: hourTime(from), to: hourTime(to), by, group: [...group], ...claimJson(claim), lines: grouped.map((line) => usageLine(line, group)) };
}

function usageLine({ hour, region, dimensions, events, duplicates, tokens }: UsageLine, group: ReadonlySet<UsageGroup>): Json {
  const all: Readonly<Record<UsageGroup, string>> = { region, ...dimensions };
  const named = Object.fromEntries([...group].map((name) => [name, all[name]]));
  return { start: hourTime(hour), ...named, events, duplicates, ...tokensJson(tokens) };
}

/** Corrections may have taken a line down to nothing. */
function isSomething({ events, duplicates, tokens }: UsageLine): boolean {
  return events !== 0 || duplicates !== 0 || Object.values(tokens).some((value) => value !== 0n);
}

export function hourTime(hour: number): string {
  return formatTime(hour * HOUR_MS);
}

export function coverageJson({ claim, logs }: CoverageAnswer): Json {
  return { ...claimJson(claim), logs: logs.map(logJson) };
}

function logJson({ end, since, ...log }: LogCoverage): Json {
  return { ...log, end: end < 0 ? null : end, since: timeOrNull(since) };
}
