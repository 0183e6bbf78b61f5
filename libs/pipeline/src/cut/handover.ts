/**
 * What an operator does to the logs of a region: hand them to another writer, or give them up. Either is on record for
 * good, and may be asked for any number of times: what is done already is not done again.
 */
import { invariant, lastSegment, nextSegment, type Clock, type Cut, type LogId } from '@meridian/accounting';
import { decodeJson, encodeJson, keys, type Boundaries, type Ledger, type LineageRenewal, type LogRetirement } from '@meridian/ledger';
import { insertCut } from './allocate';
import { newestCut } from './cuts';
import { PipelineError } from '../errors';
import { listLogs, listRenewals, renewLineage, retireLog, type RegisteredLog } from './registry';

export interface HandoverParts {
  /** Replica of the region where it is done. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly region: string;
}

export interface HandedOver {
  readonly log: LogId;
  /** From here on, by the newest cut. */
  readonly offset: number;
}

/** How often a takeover is built anew on a cut that came in between. */
const TAKEOVER_ATTEMPTS_MAX = 20;

/**
 * Hands logs over to another writer region: a cut that opens the next stream of each, at the newest cut's offset. What
 * the older stream wrote past that is ignored from then on. Answers the cut.
 */
export async function takeOver(parts: HandoverParts, logs: readonly LogId[], writer: string): Promise<Cut> {
  for (let attempt = 0; attempt < TAKEOVER_ATTEMPTS_MAX; attempt++) {
    const previous = await newestCut(parts.control);
    const retired = new Set((await listLogs(parts.control)).filter((one) => one.retired).map((one) => one.log));
    for (const log of logs) {
      // Nobody would write the new stream up to the offset that cuts still wait for.
      if (retired.has(log)) throw new PipelineError('unknown_log', `${log} is retired: nothing of it is folded any more`);
      if (!previous.logs.some((one) => one.log === log)) throw new PipelineError('unknown_log', `${log} is in no cut yet: nothing of it can be taken over`);
    }
    const next: Cut = {
      ...previous,
      k: previous.k + 1,
      by: parts.region,
      logs: previous.logs.map((log) => (logs.includes(log.log) ? { ...log, segments: [...log.segments, nextSegment(log, writer)] } : log)),
    };
    if (!(await insertCut(parts.control, previous, next))) continue;
    await parts.ledger.insert({ ...keys.cutCopy(next.k), value: encodeJson(next) });
    return next;
  }
  throw new PipelineError('contended', 'other cuts kept coming first');
}

/** Opens the next stream of a log that this region writes: where the last one cannot be trusted beyond the newest cut. */
export async function openNextStream(parts: HandoverParts, log: LogId): Promise<void> {
  const cutLog = (await newestCut(parts.control)).logs.find((one) => one.log === log);
  if (cutLog && lastSegment(cutLog).writer !== parts.region) return;
  await takeOver(parts, [log], parts.region);
}

/** Hands all live logs of `region` to `writer`, but for those that it writes already. Answers those that were handed over. */
export async function takeOverRegion(parts: HandoverParts, region: string, writer: string): Promise<readonly HandedOver[]> {
  const logs = await liveLogs(parts.control, region);
  await liveLogs(parts.control, writer);
  const writers = new Map((await newestCut(parts.control)).logs.map((log) => [log.log, lastSegment(log).writer]));
  const wanted = logs.map(({ log }) => log).filter((log) => writers.get(log) !== writer);
  if (wanted.length === 0) return [];
  const cut = await takeOver(parts, wanted, writer);
  return cut.logs.filter(({ log }) => wanted.includes(log)).map(({ log, offset }) => ({ log, offset }));
}

export interface Retirement {
  readonly region: string;
  /** Of the logs; need not be given while all live logs of the region are of one. */
  readonly lineage?: number;
  readonly by: string;
  readonly reason: string;
  readonly clock: Clock;
}

/** Puts on record that nothing of the region's logs counts from here on. Answers from where. */
export async function retireRegion(parts: HandoverParts, { region, lineage, by, reason, clock }: Retirement): Promise<readonly LogRetirement[]> {
  const live = await liveLogs(parts.control, region);
  const logs = live.filter((log) => log.lineage === (lineage ?? onlyLineage(live)));
  if (logs.length === 0) throw new PipelineError('unknown_log', `region ${region} has no live log of lineage ${lineage}`);
  const cut = await newestCut(parts.control);
  const retirements: LogRetirement[] = [];
  for (const { log, start } of logs) {
    const offset = cut.logs.find((one) => one.log === log)?.offset ?? start;
    const retirement: LogRetirement = { log, offset, by, reason, retiredAt: clock.now() };
    await retireLog(parts.control, retirement);
    retirements.push(retirement);
  }
  return retirements;
}

/**
 * Puts on record that the region's logs are given up where its writer has folded them to, for others on the same topic:
 * `registerLogs` does both at the next start of a service of the region. What the topic still holds of the old ones is
 * folded again, and is duplicates. The region's logs may be retired already. Answers the decision that stands.
 */
export async function renewRegion(parts: HandoverParts, { region, by, reason, clock }: Omit<Retirement, 'lineage'>): Promise<LineageRenewal> {
  const known = (await listLogs(parts.control)).filter((log) => log.region === region);
  const newest = known.at(-1);
  if (!newest) throw new PipelineError('unknown_log', `region ${region} never had a log`);
  const renewals = await listRenewals(parts.control, region);
  const live = known.filter((log) => !log.retired && !renewals.has(log.lineage));
  const lineage = live.length > 0 ? onlyLineage(live) : newest.lineage;
  const standing = renewals.get(lineage);
  if (standing) return standing;
  const cut = await newestCut(parts.control);
  const offsets: Record<LogId, number> = {};
  for (const { log, start, retired } of known.filter((one) => one.lineage === lineage)) {
    const cutLog = cut.logs.find((one) => one.log === log);
    offsets[log] = retired?.offset ?? (cutLog ? Math.max(cutLog.offset, await foldedTo(parts.ledger, cutLog)) : start);
  }
  return renewLineage(parts.control, { region, lineage, offsets, by, reason, decidedAt: clock.now() });
}

/** Of live logs of a region. */
function onlyLineage(logs: readonly RegisteredLog[]): number {
  const [lineage, ...others] = new Set(logs.map((log) => log.lineage));
  invariant(lineage !== undefined, 'there are live logs');
  if (others.length === 0) return lineage;
  throw new PipelineError('scope_invalid', `region ${logs[0]?.region} has live logs of the lineages ${[lineage, ...others].join(', ')}: say which one is to be retired`);
}

/** Where the log's last stream stands by its writer's own word, with all it says present there. */
async function foldedTo(ledger: Ledger, cutLog: Cut['logs'][number]): Promise<number> {
  const { stream, writer } = lastSegment(cutLog);
  const row = await ledger.get(keys.boundaries(writer), { consistent: true });
  return row ? (decodeJson<Boundaries>(row.value).streams[stream]?.end ?? 0) : 0;
}

async function liveLogs(control: Ledger, region: string): Promise<readonly RegisteredLog[]> {
  const logs = (await listLogs(control)).filter((log) => log.region === region && !log.retired);
  if (logs.length === 0) throw new PipelineError('unknown_log', `region ${region} has no log that is not retired`);
  return logs;
}
