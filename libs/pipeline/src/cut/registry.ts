/**
 * The registry of logs in the control table. Ingest produces only to registered partitions; a new incarnation of a
 * topic gets new logs (the next lineage), so that offsets of two incarnations are never compared.
 */
import { logId, type Clock, type LogId } from '@meridian/accounting';
import type { Incarnation } from '@meridian/event-log';
import { decodeJson, encodeJson, keys, queryAll, type Ledger, type LogRegistration, type LogRetirement } from '@meridian/ledger';
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
 * Registers every partition of this incarnation of the region's topic that is not registered yet, and answers the log
 * of each partition. Idempotent; any number of processes may call it at once.
 */
export async function registerLogs(control: Ledger, region: string, incarnation: Incarnation, clock: Clock): Promise<LogId[]> {
  const { cluster, topic, partitions } = incarnation;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const known = (await listLogs(control)).filter((log) => log.region === region);
    const all = known.filter((log) => log.cluster === cluster && log.topic === topic);
    const live = all.find(({ retired }) => !retired);
    if (!live && all[0]) throw new PipelineError('log_retired', retiredText(all[0]));
    const lineage = live?.lineage ?? nextLineage(known);
    const logs: LogId[] = [];
    let isRegistered = true;
    for (let partition = 0; partition < partitions; partition++) {
      const log = logId({ region, lineage, partition });
      logs.push(log);
      if (all.some((one) => one.lineage === lineage && one.partition === partition)) continue;
      if (!(await register(control, { log, region, cluster, topic, partition, lineage, start: 0, registeredAt: clock.now() }))) isRegistered = false;
    }
    if (isRegistered) return logs;
  }
  throw new PipelineError('contended', `the logs of ${region} could not be registered: someone else kept registering first`);
}

/** Registers the logs of a topic under a new lineage, though logs of that name were given up: its offsets have started over. */
export async function registerAnew(control: Ledger, region: string, { cluster, topic, partitions }: Incarnation, clock: Clock): Promise<LogId[]> {
  const lineage = nextLineage((await listLogs(control)).filter((log) => log.region === region));
  const logs: LogId[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const log = logId({ region, lineage, partition });
    if (!(await register(control, { log, region, cluster, topic, partition, lineage, start: 0, registeredAt: clock.now() }))) {
      throw new PipelineError('contended', `lineage ${lineage} of ${region} was registered by someone else just now`);
    }
    logs.push(log);
  }
  return logs;
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
