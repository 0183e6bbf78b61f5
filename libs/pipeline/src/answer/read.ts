/**
 * What readers ask of a region. Every answer is at one cut, the last one this region resolved, and carries its claim.
 */
import {
  claim, Cover, explain, sortLogs, total, Usage,
  type Claim, type Cut, type Hash, type LogCoverage, type LogId, type Segment, type SessionTotal, type Standing, type StreamId, type TokenTotals,
  type UsageLine,
} from '@meridian/accounting';
import {
  decodeJson, decodeSession, keys, parseUsageSk, queryAll, SESSION_SHARDS, sessionCacheCodec, TOO_LARGE, usageCodec,
  type EndsSample, type Ledger, type SessionCache, type StoredRow,
} from '@meridian/ledger';
import { resolvedThrough } from '../cut/cuts';
import { partIn, readDerived, sessionCache, valueAt, type SessionPart } from './derive';
import { PipelineError } from '../errors';
import { Evidence } from './evidence';
import { eachLimited } from '../loop';
import { hourFromName, hourName, periodsBetween } from './periods';
import type { Reacher } from '../cut/reach';

export interface ReadParts {
  readonly ledger: Ledger;
  readonly region: string;
  readonly hash: Hash;
  readonly reacher: Reacher;
}

/** A newer cut may be on its way this long before answers say that they wait for it. It can only withhold `final`. */
const REACH_GRACE_MS = 5_000;
/** Sessions of a list that are computed at the same time. */
const CONCURRENCY = 32;
/** How often a read that would mix two cuts starts over. */
const ATTEMPTS_MAX = 20;

/** A session's total at a cut; `usage` is by hour, region and dimensions. */
export interface SessionAnswer extends SessionCache {
  readonly claim: Claim;
  /** Present when asked for: everything this replica holds, cut or not. An estimate, never to be billed. */
  readonly live?: { readonly events: number; readonly tokens: TokenTotals };
}

export interface ExplainAnswer {
  readonly claim: Claim;
  readonly standings: readonly Standing[];
}

export type ListedSession = { readonly session: string } & SessionPart;

export interface SessionListAnswer {
  readonly claim: Claim;
  readonly sessions: readonly ListedSession[];
  /** Where the next page starts; undefined at the end. */
  readonly next: SessionCursor | undefined;
}

export interface SessionCursor {
  readonly shard: number;
  /** Sort key of the last session of the page before. */
  readonly after: string | undefined;
}

export interface UsageAnswer {
  readonly claim: Claim;
  readonly lines: readonly UsageLine[];
}

export interface CoverageAnswer {
  readonly claim: Claim;
  readonly logs: readonly LogCoverage[];
}

export class Reader {
  private readonly evidence: Evidence;

  constructor(private readonly parts: ReadParts) {
    this.evidence = new Evidence(parts.ledger, parts.hash);
  }

  /** `undefined` when no entry of the session lies in the cut (nor, with `live`, beyond it). */
  async session(tenant: string, session: string, options: { readonly live: boolean }): Promise<SessionAnswer | undefined> {
    const cut = await this.cut();
    const { ledger, region } = this.parts;
    const cached = await readDerived(ledger, keys.sessionCache(region, tenant, session), sessionCacheCodec);
    // A cache at a later cut than the one we answer at is no use, nor is one that the total did not fit into; the deltas always are.
    const atCut = cached && cached.k <= cut.k && cached.value !== TOO_LARGE && !options.live ? cached.value : undefined;
    if (atCut) return { ...atCut, claim: this.claim(cut, atCut.conflicts) };
    const deltas = await this.evidence.deltas(tenant, session);
    const now = total(deltas, new Cover(cut), this.evidence.shapes);
    const live = options.live ? total(deltas, this.liveCover(cut), this.evidence.shapes) : undefined;
    if (hasNothing(now) && (!live || hasNothing(live))) return undefined;
    const answer = { ...sessionCache(now), claim: this.claim(cut, now.conflicts) };
    return live ? { ...answer, live: { events: live.events, tokens: live.tokens } } : answer;
  }

  /** Every entry of the session in the cut, with what became of it. */
  async explain(tenant: string, session: string): Promise<ExplainAnswer> {
    const cut = await this.cut();
    const standings = explain(await this.evidence.deltas(tenant, session), new Cover(cut), this.evidence.shapes);
    const conflicts = standings.filter(({ outcome }) => outcome === 'conflict').length;
    return { claim: this.claim(cut, conflicts), standings };
  }

  /**
   * Sessions with an entry dated in the period (`YYYY-MM`), up to `limit`, in no particular but stable order. The index
   * only names them, and may name one that a later cut brings: what each has is computed from its deltas, at one cut.
   */
  async sessions(tenant: string, period: string, cursor: SessionCursor | undefined, limit: number): Promise<SessionListAnswer> {
    const cut = await this.cut();
    const cover = new Cover(cut);
    const sessions: ListedSession[] = [];
    let { shard, after } = cursor ?? { shard: 0, after: undefined };
    while (shard < SESSION_SHARDS) {
      // One more than there is room for: a further page is told of only when there is one.
      const room = limit - sessions.length;
      const pk = keys.sessionIndexPk(this.parts.region, tenant, period, shard);
      const page = await this.parts.ledger.query(pk, { ...(after !== undefined && { after }), limit: room + 1 }, { consistent: true });
      const listed = page.rows.slice(0, room);
      sessions.push(...(await this.list(tenant, period, listed, cover)));
      after = listed.at(-1)?.sk ?? page.next ?? after;
      if (page.rows.length > room) return { claim: this.claim(cut, 0), sessions, next: { shard, after } };
      if (page.next === undefined) [shard, after] = [shard + 1, undefined];
    }
    return { claim: this.claim(cut, 0), sessions, next: undefined };
  }

  private async list(tenant: string, period: string, rows: readonly StoredRow[], cover: Cover): Promise<ListedSession[]> {
    const found: (ListedSession | undefined)[] = Array.from({ length: rows.length });
    await eachLimited(rows.entries(), CONCURRENCY, async ([at, { sk }]) => {
      const session = decodeSession(sk);
      const part = partIn(period, total(await this.evidence.deltas(tenant, session), cover, this.evidence.shapes));
      if (part) found[at] = { session, ...part };
    });
    return found.filter((one) => one !== undefined);
  }

  /** Usage of the hours [from, to) (hours since the epoch), one line per hour, region and dimensions. */
  async usage(tenant: string, from: number, to: number): Promise<UsageAnswer> {
    return this.atOneCut(async (cut) => {
      const lines: UsageLine[] = [];
      for (const period of periodsBetween(from, to)) {
        const range = keys.usageRange(hourName(from), hourName(to - 1));
        for await (const row of queryAll(this.parts.ledger, keys.usagePk(this.parts.region, tenant, period), range, { consistent: true })) {
          const value = valueAt(usageCodec.decode(row.value), cut.k);
          if (value === 'ahead') return 'ahead';
          if (value && hourFromName(parseUsageSk(row.sk).hour) < to) lines.push(...value);
        }
      }
      return { claim: this.claim(cut, 0), lines };
    });
  }

  /** Where every registered log stands, as this replica sees it. */
  async coverage(): Promise<CoverageAnswer> {
    const cut = await this.cut();
    const { ledger, reacher } = this.parts;
    const logs: LogCoverage[] = [];
    for (const { log, region, lineage, start } of reacher.registered()) {
      const cutLog = cut.logs.find((one) => one.log === log);
      const segments: readonly Pick<Segment, 'stream'>[] = cutLog?.segments ?? [{ stream: `${log}~0` as StreamId }];
      const boundaries = segments.map(({ stream }) => reacher.boundary(stream));
      const row = await ledger.get(keys.ends(region, lineage), { consistent: false });
      const end = row ? (decodeJson<EndsSample>(row.value).ends as Readonly<Record<LogId, number | undefined>>)[log] ?? -1 : -1;
      const reached = Math.max(start, ...boundaries.map((boundary) => boundary?.end ?? 0));
      const counts = { entries: 0, duplicates: 0, quarantined: 0 };
      for (const boundary of boundaries) {
        counts.entries += boundary?.counts.entries ?? 0;
        counts.duplicates += boundary?.counts.duplicates ?? 0;
        counts.quarantined += boundary?.counts.quarantined ?? 0;
      }
      const inCut = cutLog?.offset ?? start;
      logs.push({
        log, region, end, folded: await this.folded(segments, reached), reached, cut: inCut,
        behind: end < 0 ? 0 : Math.max(0, end - inCut), since: cutLog?.asOf ?? 0, counts,
      });
    }
    return { claim: this.claim(cut, 0), logs: sortLogs(logs) };
  }

  private async folded(segments: readonly Pick<Segment, 'stream'>[], reached: number): Promise<number> {
    const stream = segments.at(-1)?.stream;
    if (stream === undefined) return reached;
    const page = await this.parts.ledger.query(keys.manifestPk(stream), { descending: true, limit: 1 }, { consistent: false });
    const row = page.rows[0];
    return row ? Math.max(reached, this.evidence.manifestEnd(row.value)) : reached;
  }

  private cut(): Promise<Cut> {
    return resolvedThrough(this.parts.ledger, this.parts.region);
  }

  private claim(cut: Cut, conflicts: number): Claim {
    return claim(cut, this.parts.reacher.waits(REACH_GRACE_MS), conflicts);
  }

  /** Everything this replica holds: the last segment of each log without an end, and the logs that are in no cut yet. */
  private liveCover(cut: Cut): Cover {
    const inCut = new Set(cut.logs.map(({ log }) => log));
    const others = this.parts.reacher.registered().filter(({ log }) => !inCut.has(log));
    return new Cover({
      ...cut,
      logs: sortLogs([
        ...cut.logs.map((log) => ({ ...log, offset: Number.MAX_SAFE_INTEGER })),
        ...others.map(({ log, start, region }) => ({
          log, offset: Number.MAX_SAFE_INTEGER, asOf: 0, segments: [{ stream: `${log}~0` as StreamId, from: start, writer: region, manifests: 0 }],
        })),
      ]),
    });
  }

  /** Runs a read of many derived rows until all of them could be read at the same cut. */
  private async atOneCut<T>(read: (cut: Cut) => Promise<T | 'ahead'>): Promise<T> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const answer = await read(await this.cut());
      if (answer !== 'ahead') return answer;
    }
    throw new PipelineError('resolving', 'the rows asked for kept moving from cut to cut while they were read; ask again');
  }
}

function hasNothing(now: SessionTotal): boolean {
  return now.streams === 0;
}

/** Sums lines over what is not asked for: `by` hour or day, `group` any of the given names. */
export function groupUsage(lines: readonly UsageLine[], by: 'hour' | 'day', group: ReadonlySet<string>): UsageLine[] {
  const usage = new Usage();
  const HOURS_PER_DAY = 24;
  for (const line of lines) {
    const d = line.dimensions;
    usage.addLine({
      ...line,
      hour: by === 'day' ? line.hour - (line.hour % HOURS_PER_DAY) : line.hour,
      region: group.has('region') ? line.region : '',
      dimensions: {
        provider: group.has('provider') ? d.provider : '',
        model: group.has('model') ? d.model : '',
        operation: group.has('operation') ? d.operation : '',
        tier: group.has('tier') ? d.tier : '',
        inferenceRegion: group.has('inferenceRegion') ? d.inferenceRegion : '',
        counted: group.has('counted') ? d.counted : 'reported',
      },
    });
  }
  return usage.lines();
}

/** Names usage can be grouped by. */
export const USAGE_GROUPS = ['region', 'provider', 'model', 'operation', 'tier', 'inferenceRegion', 'counted'] as const;

