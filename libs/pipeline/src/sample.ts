/** Samples of where a region's logs end: the targets of cuts, and the only thing their T is made of. */
import { parseLogId, Shapes, type Clock, type Hash, type LogId } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import { encodeJson, keys, type EndsSample, type Ledger } from '@meridian/ledger';
import { newestCut } from './cuts';
import { checkFingerprint, lastManifest } from './fingerprint';
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

/**
 * Writes one sample of all logs of one lineage of the region. The clock is read before the offsets are asked for: whatever was accepted
 * before `sampledAt` lies below the ends. A log that is not the one that was folded is left out: where it ends says
 * nothing about what was accepted, so no cut may be called complete by it.
 */
export async function sampleEnds(parts: SampleParts, check: typeof checkFingerprint = checkFingerprint): Promise<void> {
  const { log, ledger, control, region, logs, hash, clock, probe } = parts;
  const sampledAt = clock.now();
  const extents = await log.extents();
  const cut = await newestCut(control);
  const shapes = new Shapes(hash);
  const ends: Record<LogId, number> = {};
  for (const [partition, id] of logs.entries()) {
    const extent = extents[partition];
    if (!extent) continue;
    const cutLog = cut.logs.find((one) => one.log === id);
    const last = cutLog && (await lastManifest(ledger, cutLog.segments, shapes));
    if (last && (await check(log, hash, partition, last)) !== 'same') {
      probe.alarm({ code: 'log_truncated', log: id, message: `${id} is left out of the samples: it is not the log that was folded` });
      continue;
    }
    ends[id] = extent.end;
  }
  const sample: EndsSample = { sampledAt, ends };
  const [first] = logs;
  if (first === undefined) return;
  await ledger.replace({ ...keys.ends(region, parseLogId(first).lineage), version: sampledAt, value: encodeJson(sample) });
  probe.sampled({ region, logs: logs.length });
}
