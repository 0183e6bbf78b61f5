/**
 * Samples of where a region's logs end: the targets of cuts, and the only thing their T is made of. They set the pace of
 * finality: folds close manifests when a sample was taken, and cuts follow.
 */
import { invariant, lastSegment, parseLogId, Shapes, type Clock, type Cut, type Hash, type LogId, type StreamId } from '@meridian/accounting';
import type { EventLog, Extent } from '@meridian/event-log';
import { encodeJson, getAll, keys, type EndsSample, type Ledger } from '@meridian/ledger';
import { newestCut } from './cuts';
import { checkFingerprint, lastManifest, type Intactness, type LastManifest } from '../fold/fingerprint';
import type { Probe } from '../probe';

export interface SampleSettings {
  /** Between two samples while few records come, ms. They are taken when the clock passes a multiple of it, in all regions at once. */
  readonly intervalMs: number;
  /** Between two samples at least, ms. */
  readonly busyIntervalMs: number;
  /** So many records per log since the last one are many: what a sample brings about then costs little beside their deltas. */
  readonly busyRecords: number;
}

export const SAMPLE_DEFAULTS: SampleSettings = { intervalMs: 20_000, busyIntervalMs: 1_000, busyRecords: 16 };

/** Between two looks at whether it is time for a sample, at most, ms. */
export const SAMPLE_LOOK_MS = 1_000;

/** For a fold that writes every `flushAgeMs`: a sample makes it write what waits, so none come more often than that. */
export function sampleSettings(flushAgeMs: number, intervalMs = SAMPLE_DEFAULTS.intervalMs): SampleSettings {
  const longest = Math.max(intervalMs, flushAgeMs);
  return { ...SAMPLE_DEFAULTS, intervalMs: longest, busyIntervalMs: Math.min(longest, Math.max(SAMPLE_DEFAULTS.busyIntervalMs, flushAgeMs)) };
}

export interface SampleParts {
  readonly log: EventLog;
  readonly ledger: Ledger;
  readonly control: Ledger;
  /** The region whose logs these are. */
  readonly region: string;
  /** The registered log of each partition, all of one lineage. */
  readonly logs: readonly LogId[];
  readonly hash: Hash;
  readonly clock: Clock;
  readonly probe: Probe;
}

interface Look {
  /** ms since the epoch. */
  readonly at: number;
  readonly extents: readonly Extent[];
}

interface Known {
  readonly stream: StreamId;
  /** Undefined: the log has no segment. */
  readonly last: LastManifest | undefined;
}

export class Sampler {
  private readonly shapes: Shapes;
  /** The last manifest of each log as it was found last: mostly there is no further one. */
  private readonly known = new Map<LogId, Known>();
  private readonly leftOut = new Map<LogId, Intactness>();
  /** As it was looked last. */
  private last: EndsSample | undefined;

  constructor(
    private readonly parts: SampleParts,
    private readonly settings: SampleSettings = SAMPLE_DEFAULTS,
    private readonly check: typeof checkFingerprint = checkFingerprint,
  ) {
    this.shapes = new Shapes(parts.hash);
  }

  /**
   * Looks where the logs end if it is time to; answers how it was when it was looked last. Every member of a group does, each by
   * its own clock, and closes its manifests then; `isWriter`: the one of them that writes the sample, too.
   */
  async step(isWriter: boolean): Promise<EndsSample> {
    const { last, settings, parts: { clock, logs } } = this;
    // A clock that was set back says nothing of how long ago it was.
    const sinceMs = last ? clock.now() - last.sampledAt : -1;
    if (last && sinceMs >= 0 && sinceMs < settings.busyIntervalMs) return last;
    const seen = await this.look();
    if (last && !this.isDue(last, seen)) return last;
    if (isWriter) return this.write(seen);
    return (this.last = { sampledAt: seen.at, ends: Object.fromEntries(logs.map((id, partition) => [id, seen.extents[partition]?.end ?? 0])) });
  }

  /** Until the clock passes the next multiple of the interval, ms. */
  get untilNextMs(): number {
    const { intervalMs } = this.settings;
    return intervalMs - (this.parts.clock.now() % intervalMs);
  }

  private get lineage(): number {
    const [first] = this.parts.logs;
    invariant(first, `${this.parts.region} has no log`);
    return parseLogId(first).lineage;
  }

  private isDue(last: EndsSample, { at, extents }: Look): boolean {
    const { settings: { intervalMs, busyRecords }, parts: { logs } } = this;
    if (Math.floor(at / intervalMs) !== Math.floor(last.sampledAt / intervalMs)) return true;
    const records = logs.reduce((sum, id, partition) => sum + Math.max(0, (extents[partition]?.end ?? 0) - (last.ends[id] ?? Infinity)), 0);
    return records >= busyRecords * logs.length;
  }

  /** The clock is read before the offsets are asked for: whatever was accepted before `at` lies below the ends. */
  private async look(): Promise<Look> {
    const at = this.parts.clock.now();
    return { at, extents: await this.parts.log.extents() };
  }

  /**
   * Writes one sample of all logs of one lineage of the region, now: whatever was accepted before `sampledAt` lies below the ends.
   * A log that is not the one that was folded is left out: where it ends says nothing about what was accepted, so no cut
   * may be called complete by it.
   */
  async sample(): Promise<EndsSample> {
    return this.write(await this.look());
  }

  private async write({ at: sampledAt, extents }: Look): Promise<EndsSample> {
    const { log, control, region, logs, probe } = this.parts;
    await this.lookForMore(await newestCut(control));
    // The manifests are newer than those ends: they are held against what the log is now.
    const now = await log.extents();
    const ends: Record<LogId, number> = {};
    for (const [partition, id] of logs.entries()) {
      const [extent, at] = [extents[partition], now[partition]];
      if (!extent || !at) continue;
      const last = this.known.get(id)?.last;
      const intactness = last ? await this.check(this.parts, { ...at, partition }, last) : 'same';
      this.tell(id, intactness);
      if (intactness === 'same') ends[id] = extent.end;
    }
    const sample: EndsSample = { sampledAt, ends };
    await this.replace(sample);
    probe.sampled({ region, logs: logs.length });
    this.last = sample;
    return sample;
  }

  /** The version is the clock: a later sample stands. One of a clock that was ahead does not: it would until that time has come. */
  private async replace(sample: EndsSample): Promise<void> {
    const { ledger, region } = this.parts;
    const row = { ...keys.ends(region, this.lineage), value: encodeJson(sample) };
    if ((await ledger.replace({ ...row, version: sample.sampledAt })) === 'replaced') return;
    const stored = await ledger.get(row, { consistent: true });
    if (stored && stored.version > this.parts.clock.now()) await ledger.replace({ ...row, version: stored.version });
  }

  /** Raises the alarm once, not at every sample. */
  private tell(log: LogId, intactness: Intactness): void {
    if (intactness === 'same') {
      this.leftOut.delete(log);
      return;
    }
    if (this.leftOut.get(log) === intactness) return;
    this.leftOut.set(log, intactness);
    const why = intactness === 'gap' ? 'records were removed before they were folded' : 'it is not the log that was folded';
    this.parts.probe.alarm({ code: `log_${intactness}`, log, message: `${log} is left out of the samples: ${why}` });
  }

  /** Reads the last manifest of every log that has another one by now: one read tells which. */
  private async lookForMore(cut: Cut): Promise<void> {
    const { ledger, logs } = this.parts;
    const inCut = cut.logs.filter(({ log }) => logs.includes(log));
    const nexts = inCut.map((log) => {
      const { stream } = lastSegment(log);
      const known = this.known.get(log.log);
      return known?.stream === stream ? keys.manifest(stream, (known.last?.number ?? 0) + 1) : undefined;
    });
    const found = await getAll(ledger, nexts.filter((key) => key !== undefined), { consistent: true });
    const rows = found.values();
    for (const [at, log] of inCut.entries()) {
      if (nexts[at] && rows.next().value === undefined) continue;
      this.known.set(log.log, { stream: lastSegment(log).stream, last: await lastManifest(ledger, log.segments, this.shapes) });
    }
  }
}
