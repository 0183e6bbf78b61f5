/**
 * `query`: what a reader waits for, over HTTP, one request after the other: the total of a session, and a month's usage
 * by day and a page of sessions of a tenant with 100,000 of them. Reconciliation is the built service over LevelDB.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { createApiKey } from '@meridian/http';
import { isDerived, MemoryLedger } from '@meridian/ledger';
import { LevelLedger } from '@meridian/ledger-level';
import { eachLimited } from '@meridian/pipeline';
import { nodeHash, seededRandom, systemClock } from '@meridian/system';
import { Installation, usageEvent } from './installation';
import { REGION } from './parts';
import { percentiles } from './percentiles';
import type { BenchOptions, BenchResult } from './result';
import { startService, type Service } from './services';

const SESSIONS = 100_000;
const STEP = 5_000;
const TENANT = 'bench';
/** So many that the group commit has something to group. */
const COPIED_AT_ONCE = 1_000;
const DAY_MS = 86_400_000;
/** Requests before what is measured. */
const WARM_UP = 50;

export async function query({ seconds, progress }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
  let service: Service | undefined;
  try {
    progress(`query: ${SESSIONS} sessions`);
    const key = await fill(directory);
    const at = (name: string): string => `level:${join(directory, name)}`;
    service = await startService('reconciliation', { MERIDIAN_REGION: REGION, MERIDIAN_LEDGER: at('ledger'), MERIDIAN_CONTROL: at('control'), MERIDIAN_DERIVED: at('derived') });
    const random = seededRandom(1);
    const base = `${service.url}/v1/tenants/${TENANT}`;
    const month = `from=${day(Date.now() - 29 * DAY_MS)}&to=${day(Date.now() + DAY_MS)}&by=day&group=model`;
    const kinds: Readonly<Record<string, () => string>> = {
      sessionTotal: () => `${base}/sessions/${nameOf(Math.floor(random.next() * SESSIONS))}`,
      monthUsage: () => `${base}/usage?${month}`,
      sessionPage: () => `${base}/sessions?period=${new Date().toISOString().slice(0, 7)}`,
    };
    const figures: Record<string, object> = {};
    for (const [kind, url] of Object.entries(kinds)) {
      progress(`query: ${kind}`);
      figures[kind] = await measure(url, key, seconds / Object.keys(kinds).length);
    }
    return { bench: 'query', conditions: { stores: 'LevelDB, one region', settings: {} }, figures: { sessions: SESSIONS, ...figures }, targets: [] };
  } finally {
    service?.child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

/** Folds and resolves in memory, and copies the rows; the key to read them with. */
async function fill(directory: string): Promise<string> {
  const [evidence, control] = [new MemoryLedger(), new MemoryLedger()];
  const installation = await Installation.open({ regions: [REGION], ledger: evidence, control });
  for (let at = 0; at < SESSIONS; at += STEP) {
    await installation.fold(REGION, Array.from({ length: STEP }, (_, i) => usageEvent(TENANT, nameOf(at + i), `call-${at + i}`)));
    await installation.cut();
    await installation.resolve();
  }
  const stores = await Promise.all(['ledger', 'derived', 'control'].map((name) => LevelLedger.open({ directory: join(directory, name), clock: systemClock })));
  const [ledger, derived, controlStore] = stores as [LevelLedger, LevelLedger, LevelLedger];
  await eachLimited(evidence.all(), COPIED_AT_ONCE, async (row) => {
    await (isDerived(row.pk) ? derived : ledger).replace(row);
  });
  await eachLimited(control.all(), COPIED_AT_ONCE, async (row) => {
    await controlStore.replace(row);
  });
  const key = await createApiKey(ledger, nodeHash, { tenant: TENANT, scopes: ['read'], clock: systemClock, randomBytes });
  for (const store of stores) await store.close();
  return key;
}

async function measure(url: () => string, key: string, seconds: number): Promise<object> {
  const latencies: number[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let number = 0; number < 2 * WARM_UP || performance.now() < until; number++) {
    const began = performance.now();
    const response = await fetch(url(), { headers: { authorization: `Bearer ${key}` } });
    const text = await response.text();
    if (response.status !== 200) throw new RangeError(`answered ${response.status}: ${text}`);
    if (number >= WARM_UP) latencies.push(performance.now() - began);
  }
  return { requests: latencies.length, ...percentiles(latencies) };
}

function day(time: number): string {
  return `${new Date(time).toISOString().slice(0, 10)}T00:00:00Z`;
}

function nameOf(number: number): string {
  return `session-${String(number).padStart(8, '0')}`;
}
