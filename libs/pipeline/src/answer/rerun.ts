/**
 * Rerunning reconciliation for a scope: computes what the derived rows of this region must say at its resolved cut,
 * from manifests and deltas alone, compares row by row, and restores what differs. A rerun right after finds nothing.
 */
import { Cover, EMPTY_CUT, NAME_PATTERN, total, Usage, type Clock, type Cut, type Hash, type UsageLine } from '@meridian/accounting';
import {
  INDEX_VALUE, keys, parseUsageSk, queryAll, sessionCacheCodec, usageCodec,
  type Derived, type DerivedCodec, type Key, type Ledger, type StoredRow,
} from '@meridian/ledger';
import { newestCopy, resolvedThrough } from '../cut/cuts';
import { linesByHour, periodsOf, sessionCacheValue, valueAt } from './derive';
import { Differences, type Difference } from './differences';
import { PipelineError } from '../errors';
import { Evidence } from './evidence';
import { eachLimited } from '../loop';
import { hourFromName, hourName, periodOf, periodsBetween } from './periods';
import { usageParts } from './usage-hour';

/** Which derived rows a rerun is about. */
export interface RerunScope {
  readonly tenant: string;
  /** Only this session's `V` and `T` rows. */
  readonly session?: string;
  /** Hours since the epoch, [from, to): only `U` rows of these hours and `T` rows of their periods. */
  readonly from?: number;
  readonly to?: number;
}

export interface RerunProgress {
  readonly phase: 'sessions' | 'usage' | 'done';
  readonly done: number;
  readonly total: number;
}

export interface RerunResult {
  /** The cut at which the last rows were compared. */
  readonly cut: number;
  readonly sessions: number;
  readonly rows: number;
  /** Rows that differed: restored, unless it was a dry run. */
  readonly changes: number;
  /** The first of them: up to `DIFFERENCES_MAX`, as far as they fit into a row. */
  readonly differences: readonly Difference[];
}

export interface RerunParts {
  readonly ledger: Ledger;
  readonly region: string;
  readonly hash: Hash;
  readonly clock: Clock;
}

export interface RerunOptions {
  readonly scope: RerunScope;
  readonly dryRun: boolean;
  readonly onProgress: (progress: RerunProgress) => Promise<void>;
}

const CONCURRENCY = 8;
/** Sessions between two reports of progress. */
const PROGRESS_STEP = 500;
/** How often rows are compared anew because reconciliation moved on meanwhile. */
const ATTEMPTS_MAX = 100;
const ATTEMPT_WAIT_MS = 50;

/** Checks a scope; throws `scope_invalid` naming the field. */
export function checkScope(scope: RerunScope): void {
  if (!NAME_PATTERN.test(scope.tenant)) throw new PipelineError('scope_invalid', `scope.tenant must match ${NAME_PATTERN.source}`);
  if (scope.session !== undefined && (scope.from !== undefined || scope.to !== undefined)) {
    throw new PipelineError('scope_invalid', 'scope.session cannot be combined with scope.from and scope.to');
  }
  if (scope.from !== undefined && scope.to !== undefined && scope.from >= scope.to) {
    throw new PipelineError('scope_invalid', 'scope.from must be before scope.to');
  }
}

export class Rerun {
  private readonly evidence: Evidence;
  private readonly differences = new Differences();
  private sessions = 0;
  private rows = 0;
  private cut: Cut = EMPTY_CUT;

  constructor(
    private readonly parts: RerunParts,
    private readonly options: RerunOptions,
  ) {
    checkScope(options.scope);
    this.evidence = new Evidence(parts.ledger, parts.hash);
  }

  async run(): Promise<RerunResult> {
    const { scope, onProgress } = this.options;
    this.cut = await resolvedThrough(this.parts.ledger, this.parts.region);
    if (scope.session !== undefined) {
      this.sessions = 1;
      await this.session(scope.session);
    } else {
      const touched = new Set<string>();
      const usage = new Usage();
      await this.gather(EMPTY_CUT, this.cut, usage, touched);
      await this.eachSession(touched, usage);
      await this.usage(usage, touched);
    }
    await onProgress({ phase: 'done', done: this.sessions, total: this.sessions });
    const { cut, sessions, rows, differences } = this;
    return { cut: cut.k, sessions, rows, changes: differences.count, differences: differences.kept };
  }

  /** Usage and sessions of the tenant between two cuts, corrections not yet taken off. */
  private async gather(from: Cut, to: Cut, usage: Usage, touched: Set<string>): Promise<void> {
    const { tenant } = this.options.scope;
    for await (const { manifest } of this.evidence.manifestsBetween(from, to)) {
      const own = manifest.usage.get(tenant);
      if (own) usage.addUsage(own);
      for (const one of manifest.touched) if (one.tenant === tenant) touched.add(one.session);
    }
  }

  private async eachSession(touched: ReadonlySet<string>, usage: Usage): Promise<void> {
    const { tenant } = this.options.scope;
    const base = new Cover(this.cut);
    await eachLimited(touched, CONCURRENCY, async (session) => {
      const deltas = await this.evidence.deltas(tenant, session);
      usage.addUsage(total(deltas, base, this.evidence.shapes).correction, -1);
      await this.session(session);
      if (++this.sessions % PROGRESS_STEP === 0) {
        await this.options.onProgress({ phase: 'sessions', done: this.sessions, total: touched.size });
      }
    });
  }

  /** The `V` and `T` rows of one session. */
  private async session(session: string): Promise<void> {
    const { ledger, region } = this.parts;
    const { tenant } = this.options.scope;
    for (let attempt = 0; ; attempt++) {
      const cut = await resolvedThrough(ledger, region);
      const now = total(await this.evidence.deltas(tenant, session), new Cover(cut), this.evidence.shapes);
      const cacheKey = keys.sessionCache(region, tenant, session);
      // A plain session needs no cache, but one that is there must be right.
      if (await this.compare('V', cacheKey, sessionCacheCodec, { value: sessionCacheValue(now), isOptional: now.isPlain }, cut)) {
        for (const period of periodsOf(now)) if (this.isInPeriods(period)) await this.index(keys.sessionIndex(region, tenant, period, session));
        return;
      }
      await this.waitForNextAttempt(attempt);
    }
  }

  /** A `T` row can only be missing: what it names is looked up, so one too many says nothing. */
  private async index(key: Key): Promise<void> {
    const { ledger } = this.parts;
    this.rows++;
    if (await ledger.get(key, { consistent: true })) return;
    if (!this.options.dryRun) await ledger.insert({ ...key, value: INDEX_VALUE });
    this.differences.note(key, { row: 'T', problem: 'missing', stored: undefined, expected: INDEX_VALUE });
  }

  /** Periods that the tenant's usage, or the scope, can lie in. */
  private async periods(): Promise<string[]> {
    const { from, to } = this.options.scope;
    if (from !== undefined && to !== undefined) return periodsBetween(from, to);
    const periods = new Set<string>();
    for await (const { manifest } of this.evidence.manifestsBetween(EMPTY_CUT, this.cut)) {
      for (const hour of manifest.usage.get(this.options.scope.tenant)?.hours() ?? []) periods.add(periodOf(hour));
    }
    return [...periods];
  }

  /** The `U` rows, at whatever cut reconciliation has got to by now. */
  private async usage(usage: Usage, touched: Set<string>): Promise<void> {
    const { ledger, region } = this.parts;
    for (let attempt = 0; ; attempt++) {
      const now = await resolvedThrough(ledger, region);
      if (now.k > this.cut.k) await this.moveOn(usage, touched, now);
      const changes = this.differences.count;
      // After a change once more: a damaged row may just have been carried over into the next cut.
      if ((await this.compareUsage(usage)) && (this.differences.count === changes || this.options.dryRun)) return;
      await this.waitForNextAttempt(attempt);
    }
  }

  private async moveOn(usage: Usage, touched: Set<string>, now: Cut): Promise<void> {
    const { tenant } = this.options.scope;
    const added = new Set<string>();
    await this.gather(this.cut, now, usage, added);
    const [before, after] = [new Cover(this.cut), new Cover(now)];
    await eachLimited(added, CONCURRENCY, async (session) => {
      const deltas = await this.evidence.deltas(tenant, session);
      usage.addUsage(total(deltas, after, this.evidence.shapes).correction, -1);
      usage.addUsage(total(deltas, before, this.evidence.shapes).correction);
    });
    for (const session of added) touched.add(session);
    this.cut = now;
  }

  /** False when a row has moved on to a later cut. */
  private async compareUsage(usage: Usage): Promise<boolean> {
    const { ledger, region } = this.parts;
    const { tenant } = this.options.scope;
    const expected = linesByHour(usage);
    // By hour, the parts that there must be and those that there are.
    const hours = new Map<number, Set<string>>();
    for (const hour of usage.hours()) if (this.isInScope(hour)) hours.set(hour, new Set(['']));
    for (const period of await this.periods()) {
      for await (const row of queryAll(ledger, keys.usagePk(region, tenant, period), {}, { consistent: true })) {
        const { hour: name, part } = parseUsageSk(row.sk);
        const hour = hourFromName(name);
        if (Number.isInteger(hour) && this.isInScope(hour)) hours.set(hour, (hours.get(hour) ?? new Set()).add(part));
      }
    }
    for (const [hour, stored] of [...hours].sort(([a], [b]) => a - b)) {
      const parts = usageParts(expected.get(hour) ?? [], this.parts.hash);
      for (const part of new Set([...parts.keys(), ...stored])) {
        const value: readonly UsageLine[] = parts.get(part) ?? [];
        const key = keys.usageHour(region, tenant, hourName(hour), part);
        if (!(await this.compare('U', key, usageCodec, { value, isOptional: value.length === 0 }, this.cut))) return false;
      }
    }
    return true;
  }

  /**
   * Compares one row with what it must say at the cut and restores it. False when the row has moved on to a later cut:
   * compare again there. `isOptional`: the row says nothing and need not exist.
   */
  private async compare<T>(row: Difference['row'], key: Key, codec: DerivedCodec<T>, { value, isOptional }: Expected<T>, cut: Cut): Promise<boolean> {
    const { ledger } = this.parts;
    const stored = await ledger.get(key, { consistent: true });
    const decoded = stored && tryDecode(codec, stored);
    const expected = codec.encode({ k: cut.k, value });
    // Ahead of the cut: reconciliation is at work, unless there is no such cut at all. What it remembers of the cut must be right.
    if (decoded && decoded !== 'corrupt' && decoded.k > cut.k && decoded.k <= (await newestCopy(ledger)).k) {
      const then = valueAt(decoded, cut.k);
      if (then === 'ahead' || (then === undefined ? !isOptional : !sameBytes(codec.encode({ k: cut.k, value: then }), expected))) return false;
      this.rows++;
      return true;
    }
    this.rows++;
    const problem = problemOf(codec, decoded, cut, { expected, isOptional });
    if (!problem) return true;
    if (!this.options.dryRun) {
      // At least the version that is there: a damaged row may carry any.
      const version = Math.max(cut.k, stored?.version ?? 0);
      if ((await ledger.replace({ ...key, version, value: expected })) === 'stale') return false;
    }
    this.differences.note(key, { row, problem, stored: stored?.value, expected });
    return true;
  }

  private async waitForNextAttempt(attempt: number): Promise<void> {
    if (attempt >= ATTEMPTS_MAX) throw new PipelineError('resolving', 'the rows kept moving from cut to cut while they were compared; rerun');
    await this.parts.clock.sleep(ATTEMPT_WAIT_MS);
  }

  private isInScope(hour: number): boolean {
    const { from, to } = this.options.scope;
    return (from === undefined || hour >= from) && (to === undefined || hour < to);
  }

  private isInPeriods(period: string): boolean {
    const { from, to } = this.options.scope;
    return (from === undefined || period >= periodOf(from)) && (to === undefined || period <= periodOf(to - 1));
  }
}

interface Expected<T> {
  readonly value: T;
  readonly isOptional: boolean;
}

function problemOf<T>(
  codec: DerivedCodec<T>,
  decoded: Derived<T> | 'corrupt' | undefined,
  cut: Cut,
  { expected, isOptional }: { readonly expected: Uint8Array; readonly isOptional: boolean },
): Difference['problem'] | undefined {
  if (decoded === 'corrupt') return 'corrupt';
  if (!decoded) return isOptional ? undefined : 'missing';
  // The cut is left out of the comparison: a row that did not change since an earlier cut is right.
  if (decoded.k <= cut.k && sameBytes(codec.encode({ k: cut.k, value: decoded.value }), expected)) return undefined;
  return isOptional ? 'extra' : 'wrong';
}

function tryDecode<T>(codec: DerivedCodec<T>, row: StoredRow): Derived<T> | 'corrupt' {
  try {
    const decoded = codec.decode(row.value);
    codec.encode(decoded);
    return Number.isInteger(decoded.k) ? decoded : 'corrupt';
  } catch {
    // Whatever a hand left there: it is not a row, and that is the finding.
    return 'corrupt';
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
