/** Samples of where a region's logs end: the targets of cuts, and the only thing their T is made of. */
import { lastSegment, parseLogId, Shapes, type Clock, type Cut, type Hash, type LogId, type StreamId } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import { encodeJson, getAll, keys, type EndsSample, type Ledger } from '@meridian/ledger';
import { newestCut } from './cuts';
import { checkFingerprint, lastManifest, type Intactness, type LastManifest } from './fingerprint';
import type { Probe } from './probe';

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

  constructor(
    private readonly parts: SampleParts,
    private readonly check: typeof checkFingerprint = checkFingerprint,
  ) {
    this.shapes = new Shapes(parts.hash);
  }

  /**
   * Writes one sample of all logs of one lineage of the region. The clock is read before the offsets are asked for: whatever was accepted
   * before `sampledAt` lies below the ends. A log that is not the one that was folded is left out: where it ends says
   * nothing about what was accepted, so no cut may be called complete by it.
   */
  async sample(): Promise<void> {
    const { log, ledger, control, region, logs, clock, probe } = this.parts;
    const [first] = logs;
    if (first === undefined) return;
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
    await ledger.replace({ ...keys.ends(region, parseLogId(first).lineage), version: sampledAt, value: encodeJson(sample) });
    probe.sampled({ region, logs: logs.length });
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
