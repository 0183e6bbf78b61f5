/**
 * What an operator does to the logs of a region: hand them to another writer, or give them up. Either is on record for
 * good, and may be asked for any number of times: what is done already is not done again.
 */
import { lastSegment, nextSegment, type Clock, type Cut, type LogId } from '@meridian/accounting';
import { decodeJson, encodeJson, keys, type Boundaries, type Ledger, type LogRetirement } from '@meridian/ledger';
import { insertCut } from './allocate';
import { newestCut } from './cuts';
import { PipelineError } from '../errors';
import { listLogs, registerAnew, retireLog, type RegisteredLog } from './registry';

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
  /**
   * What of its logs still counts: up to the newest cut (`cut`), for a region that is lost with all it had; or all that
   * its writer has folded (`folded`), for a topic whose offsets have started over. The writer must not fold any more.
   */
  readonly keep: 'cut' | 'folded';
  readonly by: string;
  readonly reason: string;
  readonly clock: Clock;
}

/** Puts on record that nothing of the region's logs counts from here on. Its services register new ones at their next start. */
export async function retireRegion(parts: HandoverParts, { region, lineage, keep, by, reason, clock }: Retirement): Promise<readonly LogRetirement[]> {
  const live = await liveLogs(parts.control, region);
  const lineages = [...new Set(live.map((log) => log.lineage))];
  if (lineage === undefined && lineages.length > 1) {
    throw new PipelineError('scope_invalid', `region ${region} has live logs of the lineages ${lineages.join(', ')}: say which one is to be retired`);
  }
  const logs = live.filter((log) => log.lineage === (lineage ?? log.lineage));
  if (logs.length === 0) throw new PipelineError('unknown_log', `region ${region} has no live log of lineage ${lineage}`);
  const cut = await newestCut(parts.control);
  const retirements: LogRetirement[] = [];
  for (const { log, start } of logs) {
    const cutLog = cut.logs.find((one) => one.log === log);
    const offset = Math.max(cutLog?.offset ?? start, keep === 'folded' && cutLog ? await foldedTo(parts.ledger, cutLog) : 0);
    const retirement: LogRetirement = { log, offset, by, reason, retiredAt: clock.now() };
    await retireLog(parts.control, retirement);
    retirements.push(retirement);
  }
  return retirements;
}

/**
 * Gives up the region's logs where they were folded to, unless they are given up already, and registers others under the
 * same names. What the topic still holds of the old ones is folded again, and is duplicates.
 */
export async function renewRegion(parts: HandoverParts, { region, by, reason, clock }: Omit<Retirement, 'keep' | 'lineage'>): Promise<readonly LogId[]> {
  const live = (await listLogs(parts.control)).filter((log) => log.region === region && !log.retired);
  if (live.length > 0) await retireRegion(parts, { region, by, reason, clock, keep: 'folded' });
  const logs = (await listLogs(parts.control)).filter((log) => log.region === region);
  const newest = logs.filter(({ lineage }) => lineage === logs.at(-1)?.lineage);
  const [first] = newest;
  if (!first) throw new PipelineError('unknown_log', `region ${region} never had a log`);
  return registerAnew(parts.control, region, { cluster: first.cluster, topic: first.topic, partitions: newest.length }, clock);
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
