/** What one region says of a tenant: usage summed, sessions listed, and the claim of every answer. */
import type { ClaimJson, SessionListJson, TokensJson, UsageJson } from '../api';
import { segment, type Client } from '../client';
import type { SessionSums, TokenSums } from './conversation';

export interface Range {
  /** ms since the epoch, on whole hours, half-open. */
  readonly from: number;
  readonly to: number;
}

export interface SessionView extends SessionSums {
  conflicts: number;
  streams: number;
}

export interface RegionView {
  readonly region: string;
  /** Of the answer that says least. */
  readonly claim: ClaimJson;
  readonly events: number;
  readonly duplicates: number;
  readonly tokens: TokenSums;
  /** Tokens in buckets that the file does not have. */
  readonly otherTokens: bigint;
  /** Counted and not counted, by the region of the log. */
  readonly byRegion: ReadonlyMap<string, { readonly events: number; readonly duplicates: number }>;
  readonly sessions: ReadonlyMap<string, SessionView>;
}

/** The most the service gives at once. */
const SESSIONS_PAGE = '1000';

export async function readView(region: string, client: Client, { tenant, range }: { tenant: string; range: Range }): Promise<RegionView> {
  const base = `/v1/tenants/${segment(tenant)}`;
  const usage = await client.get<UsageJson>(`${base}/usage`, { from: iso(range.from), to: iso(range.to), by: 'hour', group: 'region' });
  const claims: ClaimJson[] = [usage];
  const tokens: TokenSums = { input: 0n, cacheRead: 0n, output: 0n };
  let otherTokens = 0n;
  let events = 0;
  let duplicates = 0;
  const byRegion = new Map<string, { events: number; duplicates: number }>();
  for (const line of usage.lines) {
    events += line.events;
    duplicates += line.duplicates;
    otherTokens += add(tokens, line.tokens);
    const name = line.region ?? '';
    const own = byRegion.get(name) ?? { events: 0, duplicates: 0 };
    byRegion.set(name, { events: own.events + line.events, duplicates: own.duplicates + line.duplicates });
  }
  const sessions = new Map<string, SessionView>();
  for (const period of periodsOf(range)) {
    for await (const page of pages(client, `${base}/sessions`, period)) {
      claims.push(page);
      for (const { session, events: counted, tokens: own, conflicts, streams } of page.sessions) {
        // A session may have a part in each of two months; conflicts and streams are of the whole.
        const view = sessions.get(session) ?? { events: 0, input: 0n, cacheRead: 0n, output: 0n, conflicts: 0, streams: 0 };
        view.events += counted;
        otherTokens += add(view, own);
        view.conflicts = Math.max(view.conflicts, conflicts);
        view.streams = Math.max(view.streams, streams);
        sessions.set(session, view);
      }
    }
  }
  const claim = claims.find(({ status }) => status === 'provisional') ?? usage;
  return { region, claim, events, duplicates, tokens, otherTokens, byRegion, sessions };
}

async function* pages(client: Client, path: string, period: string): AsyncGenerator<SessionListJson> {
  let cursor: string | undefined;
  do {
    const page = await client.get<SessionListJson>(path, { period, limit: SESSIONS_PAGE, cursor });
    yield page;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

/** Adds what the file has buckets for; answers the sum of the rest. */
function add(sums: TokenSums, tokens: TokensJson): bigint {
  let rest = 0n;
  for (const [bucket, value] of Object.entries(tokens)) {
    if (bucket === 'input' || bucket === 'cacheRead' || bucket === 'output') sums[bucket] += BigInt(value);
    else rest += BigInt(value);
  }
  return rest;
}

/** Months of UTC that the range touches. */
function periodsOf({ from, to }: Range): string[] {
  const periods: string[] = [];
  for (let at = new Date(from); at.getTime() < to; at = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1))) {
    periods.push(at.toISOString().slice(0, 7));
  }
  return periods;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
