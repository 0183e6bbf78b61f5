/**
 * The allocator of cuts. Any number may run, in any region: a cut is inserted under its number in the control table,
 * the first one stands, and the next is always built on the newest, read consistently.
 */
import {
  assertSuccessor, invariant, lastSegment, ownersSegment, parseLogId, sortLogs,
  type Clock, type Cut, type CutLog, type Lagging, type LogId, type Segment, type StreamId,
} from '@meridian/accounting';
import { decodeJson, encodeJson, keys, queryAll, type Boundaries, type Boundary, type EndsSample, type Ledger } from '@meridian/ledger';
import { newestCut, resolvedThrough } from './cuts';
import type { Probe } from '../probe';
import { listLogs, type RegisteredLog } from './registry';

export interface AllocateSettings {
  /** Least time between two cuts. */
  readonly cutIntervalMs: number;
  /** How long a cut waits for logs that are not there yet before it goes on without them, naming them. */
  readonly cutWaitMs: number;
  /** A region whose newest sample is older than this counts as unreachable. */
  readonly sampleStaleMs: number;
  /** With nothing new to say, a cut is still made when T would move by this. */
  readonly cutIdleMs: number;
}

export const ALLOCATE_DEFAULTS: AllocateSettings = { cutIntervalMs: 1_000, cutWaitMs: 5_000, sampleStaleMs: 60_000, cutIdleMs: 30_000 };

export interface AllocateParts {
  /** This region's replica: where samples and boundaries of all regions arrive. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly region: string;
  readonly clock: Clock;
  readonly probe: Probe;
}

/** How long a copy that another region made may be on its way before this one makes it. */
const COPY_WAIT_MS = 5_000;

/** So much a clock may be ahead of this one and be believed at the first look, ms. */
const AHEAD_MAX_MS = 1_000;

/** Samples remembered per region: the newest one at or below a cut's offset dates the log. */
const SAMPLES_MAX = 600;

/** On the way to the next cut. */
interface Round {
  /** Number of the cut before. */
  readonly k: number;
  readonly since: number;
  /** There was nothing to say when it began: once there is, the samples of other regions are waited for. */
  readonly isIdle: boolean;
  /** What all logs must have reached for the cut to be complete: the newest samples, `cutIntervalMs` after it began. */
  ends: ReadonlyMap<LogId, number> | undefined;
  /** Since when the cut could be made. */
  readyAt: number | undefined;
}

export class Allocator {
  private round: Round | undefined;
  /** Number of the last cut copied to this region's replica. */
  private copied: number | undefined;
  /** Since when there is one beyond that. */
  private uncopiedSince: number | undefined;
  private regions: ReadonlySet<string> = new Set();
  /** By region and lineage, oldest first. Dated by the sampler's clock, but never later than when they were seen here. */
  private readonly samples = new Map<string, EndsSample[]>();
  /** What the newest of each was dated by its sampler. */
  private readonly seen = new Map<string, number>();

  constructor(
    protected readonly parts: AllocateParts,
    private readonly settings: AllocateSettings,
  ) {}

  /** Allocates the next cut if it is time and there is something to say; answers its number, else undefined. */
  async step(): Promise<number | undefined> {
    const { control, clock, probe } = this.parts;
    const previous = await newestCut(control);
    await this.copyUpTo(previous);
    const { cutIntervalMs, cutWaitMs, cutIdleMs } = this.settings;
    const round = this.round?.k === previous.k ? this.round : this.begin(previous.k, { isIdle: false });
    // Whatever is since measured: a clock that was set back must not hold cuts for as long.
    if (Math.abs(clock.now() - round.since) < cutIntervalMs) return undefined;
    await this.readSamples(previous);
    // After the samples: a log registered meanwhile has none and counts as lagging, it is not overlooked.
    const logs = await listLogs(control);
    this.regions = new Set(logs.map(({ region }) => region));
    const now = clock.now();
    round.ends ??= this.newestEnds();
    const next = await this.build(previous, logs, round.ends, now);
    if (next.lagging.length > 0 && round.isIdle) this.begin(previous.k, { isIdle: false });
    if (next.lagging.length > 0 && (round.isIdle || Math.abs(now - round.since) < cutWaitMs)) return undefined;
    if (!isWorthwhile(previous, next, cutIdleMs)) {
      this.begin(previous.k, { isIdle: true });
      return undefined;
    }
    // Whoever made the last one makes this one; the others only when it is late: they would come second, which is a write, too.
    round.readyAt ??= now;
    if (previous.k > 0 && previous.by !== this.parts.region && Math.abs(now - round.readyAt) < cutIntervalMs) return undefined;
    if (!(await insertCut(control, previous, next))) return undefined;
    await this.copyUpTo(next);
    probe.cutAllocated({ k: next.k, asOf: next.asOf, lagging: next.lagging.length });
    return next.k;
  }

  /**
   * The furthest boundary of the stream that may be cut at: one published by a region other than the stream's writer,
   * so that no cut names rows which only a lost region has.
   */
  protected boundaryFor(segment: Segment, boundaries: ReadonlyMap<string, Boundaries>): Boundary | undefined {
    let best: Boundary | undefined;
    for (const [region, { streams }] of boundaries) {
      if (region === segment.writer && boundaries.size > 1) continue;
      const boundary = (streams as Readonly<Record<StreamId, Boundary | undefined>>)[segment.stream];
      if (boundary && boundary.end > (best?.end ?? -1)) best = boundary;
    }
    return best;
  }

  private async build(previous: Cut, logs: readonly RegisteredLog[], targets: ReadonlyMap<LogId, number>, now: number): Promise<Cut> {
    const boundaries = await this.readBoundaries(logs);
    const known = new Map(previous.logs.map((log) => [log.log, log]));
    const lagging: Lagging[] = [];
    const built = logs.map((log) => {
      const cutLog = this.raise(known.get(log.log), log, boundaries, now);
      // A retired log is done with when the cut has all that was kept of it; until then it is waited for like any other.
      const isDone = log.retired !== undefined && cutLog.offset >= log.retired.offset;
      if (!isDone) lagging.push(...this.lagging(cutLog, log, targets, now));
      return { cutLog, isDone };
    });
    const live = built.filter(({ isDone }) => !isDone).map(({ cutLog }) => cutLog.asOf);
    const next: Cut = {
      k: previous.k + 1,
      logs: sortLogs(built.map(({ cutLog }) => cutLog)),
      lagging: onePerRegion(lagging),
      asOf: Math.max(notAhead(previous.asOf, now), live.length > 0 ? Math.min(...live) : 0),
      by: this.parts.region,
    };
    return next;
  }

  /** The log with its offset raised to the furthest boundary that may be cut at. */
  private raise(known: CutLog | undefined, log: RegisteredLog, boundaries: ReadonlyMap<string, Boundaries>, now: number): CutLog {
    const base = known ?? { log: log.log, offset: log.start, segments: [ownersSegment(log.log, log.start, log.region)], asOf: 0 };
    const last = lastSegment(base);
    const boundary = this.boundaryFor(last, boundaries);
    const raised = !boundary || boundary.end <= base.offset ? base : {
      ...base,
      offset: boundary.end,
      segments: [...base.segments.slice(0, -1), { ...last, manifests: boundary.manifest }],
    };
    return { ...raised, asOf: Math.max(notAhead(raised.asOf, now), this.dated(log, raised.offset)) };
  }

  /** Clock of the newest sample whose end is at or below the offset; 0 when none is known. */
  private dated({ log, region, lineage }: RegisteredLog, offset: number): number {
    const samples = this.samples.get(`${region}.${lineage}`) ?? [];
    for (let i = samples.length - 1; i >= 0; i--) {
      const sample = samples[i] as EndsSample;
      const end = (sample.ends as Readonly<Record<LogId, number | undefined>>)[log];
      if (end !== undefined && end <= offset) return sample.sampledAt;
    }
    return 0;
  }

  private lagging({ log, offset }: CutLog, { region, lineage, registeredAt, retired }: RegisteredLog, targets: ReadonlyMap<LogId, number>, now: number): Lagging[] {
    if (retired) return [{ code: 'not_folded', log, behind: retired.offset - offset }];
    const newest = this.samples.get(`${region}.${lineage}`)?.at(-1);
    // A log that was first sampled after the targets were taken has the first sample's end as its target.
    const target = targets.get(log) ?? (newest?.ends as Readonly<Record<LogId, number | undefined>> | undefined)?.[log];
    const lagging: Lagging[] = [];
    if (!newest || now - newest.sampledAt > this.settings.sampleStaleMs) {
      lagging.push({ code: 'region_unreachable', region, since: newest?.sampledAt ?? registeredAt });
    }
    if (target === undefined) lagging.push({ code: 'not_folded', log, behind: -1 });
    else if (offset < target) lagging.push({ code: 'not_folded', log, behind: target - offset });
    return lagging;
  }

  private begin(k: number, { isIdle }: Pick<Round, 'isIdle'>): Round {
    return (this.round = { k, since: this.parts.clock.now(), isIdle, ends: undefined, readyAt: undefined });
  }

  private newestEnds(): Map<LogId, number> {
    const ends = new Map<LogId, number>();
    for (const samples of this.samples.values()) {
      for (const [log, end] of Object.entries(samples.at(-1)?.ends ?? {})) ends.set(log as LogId, end);
    }
    return ends;
  }

  private async readSamples(previous: Cut): Promise<void> {
    // A region registered since the last step has no sample yet this time: it counts as lagging, one step longer.
    const regions = new Set([...this.regions, ...previous.logs.map(({ log }) => parseLogId(log).region)]);
    for (const region of regions) {
      // Consistent: one that was seen must not come again, and look new.
      for await (const row of queryAll(this.parts.ledger, keys.endsPk(region), {}, { consistent: true })) {
        this.note(`${region}.${Number(row.sk)}`, decodeJson<EndsSample>(row.value));
      }
    }
  }

  /** Of a sample that was not there at the look before. */
  protected dateOf({ sampledAt }: EndsSample, now: number): number {
    return Math.min(sampledAt, now);
  }

  /** A clock that is ahead, or was, must not vouch for what was accepted after the sample was taken. */
  private note(name: string, sample: EndsSample): void {
    const now = this.parts.clock.now();
    const known = this.seen.get(name);
    if (known === sample.sampledAt) return;
    this.seen.set(name, sample.sampledAt);
    const samples = this.samples.get(name) ?? [];
    this.samples.set(name, samples);
    // How long it has been there nobody knows: the next one is waited for.
    if (known === undefined && sample.sampledAt > now + AHEAD_MAX_MS) return;
    const sampledAt = this.dateOf(sample, now);
    // The clock was set back: it was ahead when those were taken.
    while ((samples.at(-1)?.sampledAt ?? -1) >= sampledAt) samples.pop();
    samples.push({ ...sample, sampledAt });
    if (samples.length > SAMPLES_MAX) samples.shift();
  }

  private async readBoundaries(logs: readonly RegisteredLog[]): Promise<Map<string, Boundaries>> {
    const boundaries = new Map<string, Boundaries>();
    // A region whose logs are all retired vouches for nothing any more.
    for (const region of new Set(logs.filter((log) => !log.retired).map((log) => log.region))) {
      const row = await this.parts.ledger.get(keys.boundaries(region), { consistent: false });
      boundaries.set(region, row ? decodeJson<Boundaries>(row.value) : { streams: {} });
    }
    return boundaries;
  }

  /**
   * So that this region can read every cut, also one whose allocator, or whose allocator's region, is gone before its
   * copy got here. One that another region made is on its way: a second copy would cost as much. What is resolved already is not needed again.
   */
  private async copyUpTo(newest: Cut): Promise<void> {
    const { control, ledger, region, clock } = this.parts;
    this.copied ??= (await resolvedThrough(ledger, region)).k;
    if (newest.k <= this.copied) return;
    this.uncopiedSince ??= clock.now();
    if (newest.by !== region && Math.abs(clock.now() - this.uncopiedSince) < COPY_WAIT_MS) return;
    const arrived = new Set<string>();
    const copies = { from: keys.cutCopy(this.copied + 1).sk, to: keys.cutCopy(newest.k).sk };
    for await (const { sk } of queryAll(ledger, keys.cutsPk, copies, { consistent: true })) arrived.add(sk);
    const range = { from: keys.controlCut(this.copied + 1).sk, to: keys.controlCut(newest.k).sk };
    for await (const row of queryAll(control, keys.controlCutsPk, range, { consistent: true })) {
      const { k } = decodeJson<Cut>(row.value);
      const copy = keys.cutCopy(k);
      if (!arrived.has(copy.sk)) await ledger.insert({ ...copy, value: row.value });
      this.copied = k;
    }
    this.uncopiedSince = undefined;
  }
}

/** Inserts the cut that follows `previous`; false when someone else was first. */
export async function insertCut(control: Ledger, previous: Cut, next: Cut): Promise<boolean> {
  assertSuccessor(previous, next);
  return (await control.insert({ ...keys.controlCut(next.k), value: encodeJson(next) })) === 'inserted';
}

/** The segments of a log by the newest cut, if this region writes the last of them; else none. */
export async function segmentsWrittenBy(control: Ledger, region: string, log: LogId): Promise<readonly Segment[]> {
  const cutLog = (await newestCut(control)).logs.find((one) => one.log === log);
  if (cutLog) return lastSegment(cutLog).writer === region ? cutLog.segments : [];
  const registered = (await listLogs(control)).find((one) => one.log === log);
  invariant(registered, `${log} is not registered`);
  return registered.region === region ? [ownersSegment(log, registered.start, region)] : [];
}

function onePerRegion(lagging: readonly Lagging[]): Lagging[] {
  const regions = new Set<string>();
  return lagging.filter((one) => {
    if (one.code !== 'region_unreachable') return true;
    if (regions.has(one.region)) return false;
    regions.add(one.region);
    return true;
  });
}

/** What a clock said that was ahead is not kept: the cuts it was said for have been answered. */
function notAhead(asOf: number, now: number): number {
  return asOf > now ? 0 : asOf;
}

/** Offsets, covers or reasons differ, or T has moved enough to say so. */
function isWorthwhile(previous: Cut, next: Cut, cutIdleMs: number): boolean {
  const offsets = new Map(previous.logs.map((log) => [log.log, log.offset]));
  if (next.logs.some((log) => offsets.get(log.log) !== log.offset)) return true;
  if (names(previous.lagging) !== names(next.lagging)) return true;
  return Math.abs(next.asOf - previous.asOf) >= cutIdleMs;
}

function names(lagging: readonly Lagging[]): string {
  return lagging.map((one) => (one.code === 'not_folded' ? one.log : one.region)).sort().join(' ');
}
