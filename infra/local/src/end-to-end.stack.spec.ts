/**
 * All of it as users run it: Kafka and DynamoDB per region, every service a process of its own, the sample hour through
 * three regions by the command line, an aggregator leaving and coming back in the middle. Then the same number three ways: by the
 * totals of the API, by every entry that `explain` gives, and by a raw read of the topics that shares no code.
 * Runs built code: `npm run build` first, unless `npm ci` has just done it.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Stack, type Status } from './stack';

const run = promisify(execFile);
const ROOT = join(__dirname, '../../..');
const MERIDIAN = join(ROOT, 'apps/cli/bin/meridian.js');
const SAMPLE = join(ROOT, 'samples/conversation-hour.csv');
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const TENANT = 'end-to-end';
/** Of the sample: samples/README.md. */
const TOKENS = { input: '90695412', cacheRead: '54098411', output: '4122048' };
const SESSIONS = 7_373;
const EVENTS = 12_031;
const MINUTE_MS = 60_000;

type Tokens = Readonly<Record<string, string>>;

interface Explained {
  readonly entries: readonly { readonly outcome: string; readonly tokens?: Tokens }[];
}

let directory: string;
let stack: Stack;
let status: Status;
jest.setTimeout(14 * MINUTE_MS);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meridian-end-to-end-'));
  stack = new Stack(directory);
  status = await stack.up({ apps: true });
});
afterAll(async () => {
  const before = (await stack.status()).processes;
  await stack.reset();
  await rm(directory, { recursive: true, force: true });
  // Nothing is left, whatever failed above.
  expect(before.filter(({ pid }) => pid !== undefined && isAlive(pid))).toEqual([]);
});

const pairs = (urls: Readonly<Record<string, string>> = {}): string => Object.entries(urls).map(([region, url]) => `${region}=${url}`).join(',');

async function get<T>(path: string): Promise<T> {
  const url = Object.values(status.reconciliation ?? {})[0];
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${status.key}` } });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}

/** An aggregator leaves its group, whose partitions go to the other one, and comes back. */
async function rebalance(): Promise<void> {
  await sleep(3_000);
  await stack.kill('aggregator/us-east-1/1');
  await sleep(2_000);
  await stack.start('aggregator/us-east-1/1');
}

describe('the whole of it on Kafka and DynamoDB', () => {
  it('counts the sample hour exactly, through three regions and a rebalance', async () => {
    const replay = run(
      process.execPath,
      [MERIDIAN, 'replay', SAMPLE, '--to', pairs(status.ingest), '--roam', '0.2', '--resend', '0.05', '--tenant', TENANT, '--data', directory, '--deadline-s', '300', '--json'],
      { maxBuffer: OUTPUT_BYTES_MAX },
    );
    const [{ stdout }] = await Promise.all([replay, rebalance()]);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      events: EVENTS, sessions: SESSIONS, conflicts: 0, quarantined: 0, tokens: TOKENS, expected: TOKENS, exact: true, status: 'final', reasons: [],
    });
    expect(report['duplicates']).toBeGreaterThan(0);
    expect(report['multiStreamSessions']).toBeGreaterThan(0);
    console.log(JSON.stringify(report));
  });

  it('says the same by its totals, by every entry, and by the topics themselves', async () => {
    const month = new Date().toISOString().slice(0, 7);
    const byTotals = new Sum();
    const sessions: string[] = [];
    for (const period of [month, previousMonth(month)]) {
      for (let cursor = ''; ; ) {
        const page = await get<{ sessions: { session: string; tokens: Tokens }[]; next?: string | null; status: string }>(
          `/v1/tenants/${TENANT}/sessions?period=${period}&limit=1000${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        );
        expect(page.status).toBe('final');
        for (const { session, tokens } of page.sessions) {
          sessions.push(session);
          byTotals.add(tokens);
        }
        if (!page.next) break;
        cursor = page.next;
      }
    }
    const byEntries = new Sum();
    const names = [...new Set(sessions)];
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const { entries } = await get<Explained>(`/v1/tenants/${TENANT}/sessions/${encodeURIComponent(name)}/explain`);
        for (const { outcome, tokens = {} } of entries) if (outcome === 'counted') byEntries.add(tokens);
      }
    }));
    const raw = await run(process.execPath, [join(ROOT, 'infra/local/dist/raw-topics.js'), '--kafka', pairs(status.kafka), '--tenant', TENANT]);
    const byTopics = JSON.parse(raw.stdout) as { events: number; sessions: number; tokens: Tokens };
    expect(byTopics).toMatchObject({ events: EVENTS, sessions: SESSIONS });
    expect(new Set(sessions).size).toBe(SESSIONS);
    expect({ totals: byTotals.sums, entries: byEntries.sums, topics: byTopics.tokens }).toEqual({ totals: TOKENS, entries: TOKENS, topics: TOKENS });
  });

  it('leaves a trail from the publisher over the headers of the record, and counts what it costs', async () => {
    const metrics = await (await fetch(`${Object.values(status.aggregator ?? {})[0]?.[0]}/metrics`)).text();
    expect(metrics).toMatch(/meridian_ledger_write_units_total\{[^}]*kind="S"/);
    expect(metrics).toMatch(/meridian_ledger_write_units_total\{[^}]*kind="M"/);
  });
});

class Sum {
  private readonly tokens = new Map<string, bigint>();

  add(tokens: Tokens): void {
    for (const [bucket, count] of Object.entries(tokens)) this.tokens.set(bucket, (this.tokens.get(bucket) ?? 0n) + BigInt(count));
  }

  get sums(): Tokens {
    return Object.fromEntries([...this.tokens].map(([bucket, sum]) => [bucket, String(sum)]));
  }
}

function previousMonth(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() - 1);
  return date.toISOString().slice(0, 7);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
