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
import type { Probe } from './probe';
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

export const ALLOCATE_DEFAULTS: AllocateSettings = { cutIntervalMs: 1_000, cutWaitMs: 5_000, sampleStaleMs: 15_000, cutIdleMs: 30_000 };

export interface AllocateParts {
  /** This region's replica: where samples and boundaries of all regions arrive. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly region: string;
  readonly clock: Clock;
  readonly probe: Probe;
}

/** Samples remembered per region: the newest one at or below a cut's offset dates the log. */
const SAMPLES_MAX = 600;

/** What all logs must have reached for the next cut to be complete. */
interface Targets {
  /** Number of the cut they follow. */
  readonly k: number;
  readonly ends: ReadonlyMap<LogId, number>;
  readonly since: number;
}

export class Allocator {
  private targets: Targets | undefined;
  /** Number of the last cut copied to this region's replica. */
  private copied: number | undefined;
  private regions: ReadonlySet<string> = new Set();
  /** By region and lineage, oldest first. */
  private readonly samples = new Map<string, EndsSample[]>();

  constructor(
    protected readonly parts: AllocateParts,
    private readonly settings: AllocateSettings,
  ) {}

  /** Allocates the next cut if it is time and there is something to say; answers its number, else undefined. */
  async step(): Promise<number | undefined> {
    const { control, clock, probe } = this.parts;
    const previous = await newestCut(control);
    await this.copyUpTo(previous);
    // The targets are taken at once, everything else is of use only when a cut may be made.
    if (this.targets?.k === previous.k && clock.now() - this.targets.since < this.settings.cutIntervalMs) return undefined;
    await this.readSamples(previous);
    // After the samples: a log registered meanwhile has none and counts as lagging, it is not overlooked.
    const logs = await listLogs(control);
    this.regions = new Set(logs.map(({ region }) => region));
    const now = clock.now();
    const targets = this.targets?.k === previous.k ? this.targets : this.takeTargets(previous.k, now);
    const next = await this.build(previous, logs, targets, now);
    const isComplete = next.lagging.length === 0 || now - targets.since >= this.settings.cutWaitMs;
    if (now - targets.since < this.settings.cutIntervalMs || !isComplete) return undefined;
    this.targets = undefined;
    if (!isWorthwhile(previous, next, this.settings.cutIdleMs)) return undefined;
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

  private async build(previous: Cut, logs: readonly RegisteredLog[], targets: Targets, now: number): Promise<Cut> {
    const boundaries = await this.readBoundaries(logs);
    const known = new Map(previous.logs.map((log) => [log.log, log]));
    const lagging: Lagging[] = [];
    const built = logs.map((log) => {
      const cutLog = this.raise(known.get(log.log), log, boundaries);
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
      asOf: Math.max(previous.asOf, live.length > 0 ? Math.min(...live) : 0),
      by: this.parts.region,
    };
    return next;
  }

  /** The log with its offset raised to the furthest boundary that may be cut at. */
  private raise(known: CutLog | undefined, log: RegisteredLog, boundaries: ReadonlyMap<string, Boundaries>): CutLog {
    const base = known ?? { log: log.log, offset: log.start, segments: [ownersSegment(log.log, log.start, log.region)], asOf: 0 };
    const last = lastSegment(base);
    const boundary = this.boundaryFor(last, boundaries);
    const raised = !boundary || boundary.end <= base.offset ? base : {
      ...base,
      offset: boundary.end,
      segments: [...base.segments.slice(0, -1), { ...last, manifests: boundary.manifest }],
    };
    return { ...raised, asOf: Math.max(raised.asOf, this.dated(log, raised.offset)) };
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

  private lagging({ log, offset }: CutLog, { region, lineage, registeredAt, retired }: RegisteredLog, targets: Targets, now: number): Lagging[] {
    if (retired) return [{ code: 'not_folded', log, behind: retired.offset - offset }];
    const newest = this.samples.get(`${region}.${lineage}`)?.at(-1);
    // A log that was first sampled after the targets were taken has the first sample's end as its target.
    const target = targets.ends.get(log) ?? (newest?.ends as Readonly<Record<LogId, number | undefined>> | undefined)?.[log];
    const lagging: Lagging[] = [];
    if (!newest || now - newest.sampledAt > this.settings.sampleStaleMs) {
      lagging.push({ code: 'region_unreachable', region, since: newest?.sampledAt ?? registeredAt });
    }
    if (target === undefined) lagging.push({ code: 'not_folded', log, behind: -1 });
    else if (offset < target) lagging.push({ code: 'not_folded', log, behind: target - offset });
    return lagging;
  }

  private takeTargets(k: number, since: number): Targets {
    const ends = new Map<LogId, number>();
    for (const samples of this.samples.values()) {
      for (const [log, end] of Object.entries(samples.at(-1)?.ends ?? {})) ends.set(log as LogId, end);
    }
    this.targets = { k, ends, since };
    return this.targets;
  }

  private async readSamples(previous: Cut): Promise<void> {
    // A region registered since the last step has no sample yet this time: it counts as lagging, one step longer.
    const regions = new Set([...this.regions, ...previous.logs.map(({ log }) => parseLogId(log).region)]);
    for (const region of regions) {
      for await (const row of queryAll(this.parts.ledger, keys.endsPk(region), {}, { consistent: false })) {
        const sample = decodeJson<EndsSample>(row.value);
        const name = `${region}.${Number(row.sk)}`;
        const samples = this.samples.get(name) ?? [];
        if ((samples.at(-1)?.sampledAt ?? -1) < sample.sampledAt) samples.push(sample);
        if (samples.length > SAMPLES_MAX) samples.splice(0, samples.length - SAMPLES_MAX);
        this.samples.set(name, samples);
      }
    }
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
   * copy got here. What is resolved already is not needed again.
   */
  private async copyUpTo(newest: Cut): Promise<void> {
    const { control, ledger, region } = this.parts;
    this.copied ??= (await resolvedThrough(ledger, region)).k;
    if (newest.k <= this.copied) return;
    const range = { from: keys.controlCut(this.copied + 1).sk, to: keys.controlCut(newest.k).sk };
    for await (const row of queryAll(control, keys.controlCutsPk, range, { consistent: true })) {
      const { k } = decodeJson<Cut>(row.value);
      await ledger.insert({ ...keys.cutCopy(k), value: row.value });
      this.copied = k;
    }
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

/** Offsets, covers or reasons differ, or T has moved enough to say so. */
function isWorthwhile(previous: Cut, next: Cut, cutIdleMs: number): boolean {
  const offsets = new Map(previous.logs.map((log) => [log.log, log.offset]));
  if (next.logs.some((log) => offsets.get(log.log) !== log.offset)) return true;
  if (names(previous.lagging) !== names(next.lagging)) return true;
  return next.asOf - previous.asOf >= cutIdleMs;
}

function names(lagging: readonly Lagging[]): string {
  return lagging.map((one) => (one.code === 'not_folded' ? one.log : one.region)).sort().join(' ');
}
