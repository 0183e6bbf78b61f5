/**
 * Retention that is faster than the fold, on the real broker and with the services as users run them: the alarm of one
 * log, and the way out that docs/runbooks/log_gap.md gives, to the last event that the topic still holds.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { TOPIC } from './addresses';
import { Stack, type Status } from './stack';

const run = promisify(execFile);
const MERIDIAN = resolve(__dirname, '../../../apps/cli/bin/meridian.js');
const REGION = 'here';
const AGGREGATORS = [`aggregator/${REGION}/1`, `aggregator/${REGION}/2`];
const TENANT = 'retention';
const MINUTE_MS = 60_000;
const WITHIN_MS = MINUTE_MS;
jest.setTimeout(5 * MINUTE_MS);

let directory: string;
let stack: Stack;
let status: Status;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stack-retention-'));
  stack = new Stack(directory);
  status = await stack.up({ regions: [REGION], apps: true });
});
afterAll(async () => {
  await stack.reset();
  await rm(directory, { recursive: true, force: true });
});

interface Coverage {
  readonly status: string;
  readonly reasons: readonly { readonly code: string; readonly log?: string }[];
  readonly logs: readonly { readonly log: string; readonly folded: number }[];
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${status.reconciliation?.[REGION]}${path}`, { headers: { authorization: `Bearer ${status.key}` } });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}

/** In the session, by a final answer; none while there is no such answer. */
async function events(): Promise<number | undefined> {
  const response = await fetch(`${status.reconciliation?.[REGION]}/v1/tenants/${TENANT}/sessions/s`, { headers: { authorization: `Bearer ${status.key}` } });
  if (response.status === 404) return undefined;
  const answer = (await response.json()) as { readonly events: number; readonly status: string };
  return answer.status === 'final' ? answer.events : undefined;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + WITHIN_MS; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new RangeError(`never: ${what}`);
    await sleep(200);
  }
}

/** Of the next lineage, too. */
const finalCoverage = (): Promise<Coverage> =>
  until('final, with the next lineage', async () => {
    const coverage = await ask<Coverage>('/v1/coverage');
    return coverage.status === 'final' && coverage.logs.some(({ log }) => log.startsWith(`${REGION}.1.`)) ? coverage : undefined;
  });

/** Acknowledged, all in one session: they stand in one partition. */
async function send(...ids: readonly string[]): Promise<void> {
  const batch = ids.map((id) => ({
    specversion: '1.0', type: 'meridian.usage.v1', source: 'chat', id, time: new Date().toISOString(), subject: 's',
    data: { provider: 'p', model: 'm', tokens: { input: 1 } },
  }));
  const headers = { authorization: `Bearer ${status.key}`, 'meridian-tenant': TENANT, 'content-type': 'application/cloudevents-batch+json' };
  const response = await fetch(`${status.ingest?.[REGION]}/v1/events`, { method: 'POST', headers, body: JSON.stringify(batch) });
  expect(response.status).toBe(202);
}

/** Drops everything below the last `kept` records of the partition that has any, as retention does; answers its number and where it now begins. */
async function trim(kept: number): Promise<{ readonly partition: number; readonly start: number }> {
  const admin = new Kafka({ clientId: 'retention', brokers: [status.kafka[REGION] ?? ''], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(TOPIC);
    const filled = offsets.filter(({ high }) => high !== '0');
    expect(filled).toHaveLength(1);
    const { partition, high } = filled[0]!;
    const start = Number(high) - kept;
    await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition, offset: String(start) }] });
    return { partition, start };
  } finally {
    await admin.disconnect();
  }
}

const ALARM = /^meridian_alarms_total\{[^}]*code="log_gap"[^}]*log="([^"]*)"/m;

describe('retention that is faster than the fold', () => {
  it('stops that log with an alarm; a new lineage folds all that the topic still holds, from where it begins', async () => {
    await send('folded-1', 'folded-2');
    await until('both count', async () => ((await events()) === 2 ? true : undefined));
    for (const name of AGGREGATORS) await stack.kill(name);
    await send('gone-1', 'gone-2', 'kept-1', 'kept-2', 'kept-3');
    const { partition, start } = await trim(3);
    expect(start).toBe(4);
    // The process lives, and says which log it does not fold.
    for (const name of AGGREGATORS) await stack.start(name);
    const stopped = await until('log_gap', async () => {
      const pages = await Promise.all((status.aggregator?.[REGION] ?? []).map(async (url) => (await fetch(`${url}/metrics`)).text()));
      return pages.map((page) => ALARM.exec(page)?.[1]).find((log) => log !== undefined);
    });
    expect(stopped).toBe(`${REGION}.0.${partition}`);
    const isNamed = ({ status: claim, reasons }: Coverage): boolean => claim === 'provisional' && reasons.some(({ code, log }) => code === 'not_folded' && log === stopped);
    await until('provisional for it', async () => (isNamed(await ask<Coverage>('/v1/coverage')) ? true : undefined));

    const command = ['logs', 'new-lineage', '--region', REGION, '--reason', 'retention', '--data', directory, '--json'];
    const { stdout } = await run(process.execPath, [MERIDIAN, ...command], { env: { ...process.env, MERIDIAN_KEY: status.key } });
    expect((JSON.parse(stdout) as { logs: object[] }).logs).toContainEqual({ log: stopped, offset: 2 });
    await sleep(3_000);
    expect(isNamed(await ask<Coverage>('/v1/coverage'))).toBe(true);

    for (const name of [...AGGREGATORS, `ingest/${REGION}`]) {
      await stack.kill(name);
      await stack.start(name);
    }
    const coverage = await finalCoverage();
    const { logs } = await ask<{ logs: { log: string; retired: { offset: number; reason: string } | null }[] }>('/v1/logs');
    expect(logs.find(({ log }) => log === stopped)?.retired).toMatchObject({ offset: 2, reason: 'retention' });
    expect(coverage.reasons).toEqual([]);
    expect(coverage.logs.find(({ log }) => log === `${REGION}.1.${partition}`)).toMatchObject({ folded: 7 });
    // The two that were folded, and the three that were left.
    expect(await until('a final total', events)).toBe(5);
    await send('after');
    await until('the next one counts', async () => ((await events()) === 6 ? true : undefined));
  });
});
