/**
 * Samples of where a region's logs end: the targets of cuts, and the only thing their T is made of. They set the pace of
 * finality: folds close manifests when a sample was taken, and cuts follow.
 */
import { invariant, lastSegment, parseLogId, Shapes, type Clock, type Cut, type Hash, type LogId, type StreamId } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
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

interface Known {
  readonly stream: StreamId;
  /** Undefined: nothing was folded. */
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
  async step(isWriter: boolean): Promise<EndsSample | undefined> {
    if (!(await this.isDue())) return this.last;
    if (isWriter) return this.sample();
    const { log, logs, clock } = this.parts;
    const sampledAt = clock.now();
    const extents = await log.extents();
    return (this.last = { sampledAt, ends: Object.fromEntries(logs.map((id, partition) => [id, extents[partition]?.end ?? 0])) });
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

  private async isDue(): Promise<boolean> {
    const { last, settings: { intervalMs, busyIntervalMs, busyRecords }, parts: { clock, log, logs } } = this;
    if (!last) return true;
    const now = clock.now();
    // A clock that was set back says nothing of how long ago it was.
    if (now >= last.sampledAt && now - last.sampledAt < busyIntervalMs) return false;
    if (Math.floor(now / intervalMs) !== Math.floor(last.sampledAt / intervalMs)) return true;
    const extents = await log.extents();
    const records = logs.reduce((sum, id, partition) => sum + Math.max(0, (extents[partition]?.end ?? 0) - (last.ends[id] ?? Infinity)), 0);
    return records >= busyRecords * logs.length;
  }

  /**
   * Writes one sample of all logs of one lineage of the region. The clock is read before the offsets are asked for: whatever was accepted
   * before `sampledAt` lies below the ends. A log that is not the one that was folded is left out: where it ends says
   * nothing about what was accepted, so no cut may be called complete by it.
   */
  async sample(): Promise<EndsSample> {
    const { log, ledger, control, region, logs, clock, probe } = this.parts;
    const sampledAt = clock.now();
    const extents = await log.extents();
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
    await ledger.replace({ ...keys.ends(region, this.lineage), version: sampledAt, value: encodeJson(sample) });
    probe.sampled({ region, logs: logs.length });
    this.last = sample;
    return sample;
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
