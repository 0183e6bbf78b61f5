/**
 * The registry of logs in the control table. Ingest produces only to registered partitions; a new incarnation of a
 * topic gets new logs (the next lineage), so that offsets of two incarnations are never compared.
 */
import { logId, type Clock, type LogId } from '@meridian/accounting';
import type { EventLog, Extent } from '@meridian/event-log';
import { decodeJson, encodeJson, keys, queryAll, type Ledger, type LineageRenewal, type LogRegistration, type LogRetirement } from '@meridian/ledger';
import { PipelineError } from '../errors';

export interface RegisteredLog extends LogRegistration {
  readonly retired: LogRetirement | undefined;
}

/** All logs ever registered, retired ones included, in log order. */
export async function listLogs(control: Ledger): Promise<RegisteredLog[]> {
  const retired = new Map<LogId, LogRetirement>();
  for await (const row of queryAll(control, keys.retirementsPk, {}, { consistent: true })) {
    const retirement = decodeJson<LogRetirement>(row.value);
    retired.set(retirement.log, retirement);
  }
  const logs: RegisteredLog[] = [];
  for await (const row of queryAll(control, keys.logsPk, {}, { consistent: true })) {
    const registration = decodeJson<LogRegistration>(row.value);
    logs.push({ ...registration, retired: retired.get(registration.log) });
  }
  return logs;
}

/** How often a lost race for a registration is taken up again. */
const ATTEMPTS_MAX = 20;

/**
 * Registers every partition of this incarnation of the region's topic that is not registered yet, from where the topic has
 * it now, and answers the log of each partition. Carries out what `renewRegion` decided: the logs of a lineage that is given
 * up are retired as soon as those of the next one are registered, never before, so that cuts wait for one or the other.
 * Idempotent; any number of processes may call it at once. Rejects with `log_retired` when all were given up for good.
 */
export async function registerLogs(control: Ledger, region: string, log: Pick<EventLog, 'describe' | 'extents'>, clock: Clock): Promise<LogId[]> {
  const { cluster, topic, partitions } = await log.describe();
  let extents: readonly Extent[] | undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const renewals = await listRenewals(control, region);
    const known = (await listLogs(control)).filter((one) => one.region === region);
    const all = known.filter((one) => one.cluster === cluster && one.topic === topic);
    const live = all.find((one) => !one.retired && !renewals.has(one.lineage));
    const last = all.at(-1);
    if (!live && last && !renewals.has(last.lineage)) throw new PipelineError('log_retired', retiredText(last));
    const lineage = live?.lineage ?? nextLineage(known);
    const logs: LogId[] = [];
    let isRegistered = true;
    for (let partition = 0; partition < partitions; partition++) {
      const id = logId({ region, lineage, partition });
      logs.push(id);
      if (all.some((one) => one.lineage === lineage && one.partition === partition)) continue;
      extents ??= await log.extents();
      // A partition that came after the log was opened is as new as that.
      const start = extents[partition]?.start ?? 0;
      if (!(await register(control, { log: id, region, cluster, topic, partition, lineage, start, registeredAt: clock.now() }))) isRegistered = false;
    }
    if (!isRegistered) continue;
    await retireRenewed(control, all, renewals, clock);
    return logs;
  }
  throw new PipelineError('contended', `the logs of ${region} could not be registered: someone else kept registering first`);
}

/** By the lineage that is given up. */
export async function listRenewals(control: Ledger, region: string): Promise<ReadonlyMap<number, LineageRenewal>> {
  const renewals = new Map<number, LineageRenewal>();
  for await (const row of queryAll(control, keys.renewalsPk, {}, { consistent: true })) {
    const renewal = decodeJson<LineageRenewal>(row.value);
    if (renewal.region === region) renewals.set(renewal.lineage, renewal);
  }
  return renewals;
}

/** Puts on record that a lineage is given up for the next one; answers the decision that stands, which is the first. */
export async function renewLineage(control: Ledger, renewal: LineageRenewal): Promise<LineageRenewal> {
  const key = keys.renewal(renewal.region, renewal.lineage);
  if ((await control.insert({ ...key, value: encodeJson(renewal) })) === 'inserted') return renewal;
  const row = await control.get(key, { consistent: true });
  return row ? decodeJson<LineageRenewal>(row.value) : renewal;
}

/** Also those of partitions that were added since: nothing of them counts. */
async function retireRenewed(control: Ledger, logs: readonly RegisteredLog[], renewals: ReadonlyMap<number, LineageRenewal>, clock: Clock): Promise<void> {
  for (const { log, lineage, start, retired } of logs) {
    const renewal = renewals.get(lineage);
    if (!renewal || retired) continue;
    const { offsets, by, reason } = renewal;
    const offset = (offsets as Readonly<Record<LogId, number | undefined>>)[log] ?? start;
    await retireLog(control, { log, offset, by, reason, retiredAt: clock.now() });
  }
}

/** False when someone else registered the log first. */
async function register(control: Ledger, registration: LogRegistration): Promise<boolean> {
  return (await control.insert({ ...keys.logRegistration(registration.log), value: encodeJson(registration) })) === 'inserted';
}

function nextLineage(known: readonly RegisteredLog[]): number {
  return known.reduce((max, log) => Math.max(max, log.lineage), -1) + 1;
}

function retiredText({ region, topic, retired }: RegisteredLog): string {
  const why = `the logs of topic ${topic} in ${region} were given up (${retired?.reason ?? ''}): nothing that it holds would be counted`;
  return `${why}. Name another topic, or run \`meridian logs new-lineage --region ${region}\``;
}

/** Puts on record that a log is gone from `offset` on; no cut waits for it any more. The first retirement stands. */
export async function retireLog(control: Ledger, retirement: LogRetirement): Promise<'inserted' | 'exists'> {
  const logs = await listLogs(control);
  if (!logs.some((log) => log.log === retirement.log)) throw new PipelineError('unknown_log', `no log ${retirement.log} is registered`);
  return control.insert({ ...keys.logRetirement(retirement.log), value: encodeJson(retirement) });
}
