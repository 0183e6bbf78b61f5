/**
 * Reconciliation of one region: brings its derived rows from one cut to the next, one cut at a time, so that whoever
 * works on a cut starts from the same rows.
 * U(K) = Σ usage of the manifests in K's cover − Σ correction(s, K); the corrections come from deltas, at both cuts,
 * never from rows derived before. A rerun, a crash half way and a second reconciler write the same bytes.
 */
import {
  Cover, hasEntries, total, Usage, type Clock, type Cut, type Hash, type SessionDelta, type SessionTotal,
} from '@meridian/accounting';
import {
  encodeJson, INDEX_VALUE, keys, sessionCacheCodec, type Ledger, type ResolvedThrough,
} from '@meridian/ledger';
import { copyOfCut, resolvedThrough } from '../cut/cuts';
import { decodeDerivedOrNone, linesByHour, periodsOf, sessionCacheValue, writeDerived } from './derive';
import { Evidence } from './evidence';
import { eachLimited } from '../loop';
import { hourName } from './periods';
import type { Probe } from '../probe';
import { writeUsageHour } from './usage-hour';

export interface ResolveParts {
  readonly ledger: Ledger;
  readonly region: string;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly probe: Probe;
  /** Whether everything below the cut is present at this replica (`Reacher`). */
  readonly hasReached: (cut: Cut) => boolean;
}

/** Sessions, or rows, worked on at the same time. */
const CONCURRENCY = 32;

/** What came into the cover between two cuts. */
export interface Increment {
  /** By tenant, corrections already taken off. */
  readonly usage: Map<string, Usage>;
  /** By `tenant/session`. */
  readonly touched: Map<string, { readonly tenant: string; readonly session: string }>;
}

export class Resolver {
  protected readonly evidence: Evidence;

  constructor(protected readonly parts: ResolveParts) {
    this.evidence = new Evidence(parts.ledger, parts.hash);
  }

  /** Resolves the next cut, if it is reached here; answers its number, else undefined. */
  async step(): Promise<number | undefined> {
    const { ledger, region, clock, probe } = this.parts;
    const began = clock.now();
    const base = await resolvedThrough(ledger, region);
    const target = await this.nextReached(base);
    if (!target) return undefined;
    const increment = await this.increment(base, target);
    let rows = await this.writeSessions(increment, base, target);
    rows += await this.writeUsage(increment, base, target);
    const value: ResolvedThrough = { cut: target };
    await ledger.replace({ ...keys.resolved(region), version: target.k, value: encodeJson(value) });
    probe.resolved({ k: target.k, sessions: increment.touched.size, rows, durationMs: clock.now() - began });
    return target.k;
  }

  /** Never further than the next: rows ahead of `RC` are then all at the same cut, whoever wrote them. */
  protected async nextReached(base: Cut): Promise<Cut | undefined> {
    const next = await copyOfCut(this.parts.ledger, base.k + 1);
    return next && this.parts.hasReached(next) ? next : undefined;
  }

  /** Whether a session can have a correction at all. */
  protected mayHaveCorrection(at: SessionTotal): boolean {
    return !at.isPlain;
  }

  /** Usage and touched sessions between two cuts. */
  protected async increment(from: Cut, to: Cut): Promise<Increment> {
    const increment: Increment = { usage: new Map(), touched: new Map() };
    for await (const { manifest } of this.evidence.manifestsBetween(from, to)) {
      for (const { tenant, session } of manifest.touched) increment.touched.set(`${tenant}/${session}`, { tenant, session });
      for (const [tenant, usage] of manifest.usage) usageOf(increment.usage, tenant).addUsage(usage);
    }
    return increment;
  }

  /** Writes `V` and `T` rows of the touched sessions and takes the change of their corrections off the usage. */
  private async writeSessions(increment: Increment, base: Cut, target: Cut): Promise<number> {
    const span: Span = { base, target, before: new Cover(base), after: new Cover(target) };
    let rows = 0;
    await eachLimited(increment.touched.values(), CONCURRENCY, async (one) => {
      rows += await this.writeSession(one, usageOf(increment.usage, one.tenant), span);
    });
    return rows;
  }

  private async writeSession({ tenant, session }: { readonly tenant: string; readonly session: string }, usage: Usage, { base, target, before, after }: Span): Promise<number> {
    const { ledger, region } = this.parts;
    const deltas = await this.evidence.deltas(tenant, session);
    const now = total(deltas, after, this.evidence.shapes);
    // Plain now is plain before: the cover only grows.
    if (this.mayHaveCorrection(now)) this.takeOff(usage, deltas, before, now);
    let rows = 0;
    for (const period of this.newPeriods(deltas, before, now)) {
      await ledger.insert({ ...keys.sessionIndex(region, tenant, period, session), value: INDEX_VALUE });
      rows++;
    }
    if (now.isPlain) return rows;
    const key = keys.sessionCache(region, tenant, session);
    const stored = decodeDerivedOrNone(await ledger.get(key, { consistent: true }), sessionCacheCodec);
    await writeDerived(ledger, key, sessionCacheCodec, { stored, k: target.k, resolvedThrough: base.k, value: sessionCacheValue(now) });
    return rows + 1;
  }

  /** The periods that are new to the session. Mostly one look tells: all its entries are of one period, and it had some. A void is of none. */
  private newPeriods(deltas: readonly SessionDelta[], before: Cover, now: SessionTotal): Set<string> {
    const periods = periodsOf(now);
    if (!hasEntries(deltas, before, this.evidence.shapes)) return periods;
    if (now.isPlain && periods.size === 1) return new Set();
    const had = periodsOf(total(deltas, before, this.evidence.shapes));
    return new Set([...periods].filter((period) => !had.has(period)));
  }

  private takeOff(usage: Usage, deltas: readonly SessionDelta[], before: Cover, now: SessionTotal): void {
    usage.addUsage(now.correction, -1);
    usage.addUsage(total(deltas, before, this.evidence.shapes).correction);
  }

  private async writeUsage(increment: Increment, base: Cut, target: Cut): Promise<number> {
    const { ledger, region, hash } = this.parts;
    const changes = [...increment.usage].flatMap(([tenant, usage]) => [...linesByHour(usage)].map(([hour, lines]) => ({ tenant, hour, lines })));
    let rows = 0;
    await eachLimited(changes, CONCURRENCY, async ({ tenant, hour, lines }) => {
      rows += await writeUsageHour(ledger, hash, { region, tenant, hour: hourName(hour), lines, k: target.k, base: base.k });
    });
    return rows;
  }
}

interface Span {
  readonly base: Cut;
  readonly target: Cut;
  readonly before: Cover;
  readonly after: Cover;
}

function usageOf(usage: Map<string, Usage>, tenant: string): Usage {
  let sum = usage.get(tenant);
  if (!sum) usage.set(tenant, (sum = new Usage()));
  return sum;
}
