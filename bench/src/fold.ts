/**
 * `fold`: events per second of the aggregator's loop on one core, over the memory ledger. The ceiling is what no fold can
 * do without: parse the record, hash the identity.
 */
import { identify, logId, ownersSegment, type EventName } from '@meridian/accounting';
import { MemoryEventLog, type LogRecord } from '@meridian/event-log';
import { MemoryLedger } from '@meridian/ledger';
import { FOLD_DEFAULTS, Folder, silentProbe } from '@meridian/pipeline';
import { nodeHash, systemClock } from '@meridian/system';
import type { BenchOptions, BenchResult } from './result';
import { round } from './result';
import { median, takeTurns } from './rounds';
import { sampleEvents, toRecords } from './sample';

/** Copies of the sample hour: 96,248 records in 58,984 sessions. */
const COPIES = 8;
/** As a consumer hands them over. */
const BATCH = 1_000;
const RATIO_MIN = 0.5;
const log = logId({ region: 'bench', lineage: 0, partition: 0 });
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export async function fold({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const records = toRecords(sampleEvents(COPIES));
  const onRound = (number: number): void => progress(`fold: round ${number}`);
  const { measured, ceiling } = await takeTurns(() => foldAll(records), () => parseAll(records), { seconds, onRound });
  const ratio = median(measured.map((rate, at) => rate / (ceiling[at] as number)));
  return {
    bench: 'fold',
    conditions: { stores: 'in memory', settings: {} },
    figures: { records: records.length, rounds: measured.length, eventsPerSecond: round(median(measured)), ceilingPerSecond: round(median(ceiling)), ratio: round(ratio, 3) },
    targets: [{ name: 'ratio to JSON.parse + SHA-256 of the identity', is: round(ratio, 3), atLeast: RATIO_MIN }],
  };
}

async function parseAll(records: readonly LogRecord[]): Promise<number> {
  const began = performance.now();
  let length = 0;
  for (const record of records) length += identify(JSON.parse(decoder.decode(record.value)) as EventName, nodeHash).length;
  if (length === 0) throw new RangeError('nothing was hashed');
  return perSecond(records.length, began);
}

async function foldAll(records: readonly LogRecord[]): Promise<number> {
  const eventLog = new MemoryEventLog({ incarnation: { cluster: 'bench', topic: 'usage', partitions: 1 }, clock: systemClock });
  const parts = { log: eventLog, ledger: new MemoryLedger(), hash: nodeHash, clock: systemClock, probe: silentProbe };
  const folder = new Folder(parts, { partition: 0, log, segments: [ownersSegment(log, 0, 'bench')] }, FOLD_DEFAULTS);
  await folder.open();
  const began = performance.now();
  for (let at = 0; at < records.length; at += BATCH) {
    await folder.offer(records.slice(at, at + BATCH));
    if (folder.isDue(systemClock.now())) await folder.flush();
  }
  await folder.flush();
  const rate = perSecond(records.length, began);
  if (folder.folded !== records.length) throw new RangeError(`folded ${folder.folded} of ${records.length}`);
  return rate;
}

function perSecond(count: number, began: number): number {
  return (count / (performance.now() - began)) * 1_000;
}
