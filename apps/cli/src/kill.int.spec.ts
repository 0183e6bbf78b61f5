/**
 * `kill -9` at random moments under load, again and again on the same data: nothing acknowledged is lost, nothing is
 * counted twice. The record of what was acknowledged is this test's own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoverageJson, SessionListJson, SumJson, UsageJson } from './api';
import { Meridian } from './meridian.child';

const KILLS = 20;
const WRITERS = 4;
const SESSIONS = 50;
const BATCH_EVENTS_MAX = 20;
/** Between two batches of a writer: the load is to be there, not to slow down the starts. */
const PAUSE_MS = 10;
/** A process lives this long after it was ready, at most. */
const LIFE_MAX_MS = 600;
const FINAL_DEADLINE_MS = 60_000;
const ARGS = ['dev', '--regions', 'north,south', '--port', '0', '--interval-ms', '60', '--replication-delay-ms', '30', '--json', '--data'];

interface Ready {
  readonly regions: Readonly<Record<string, { readonly ingest: string; readonly reconciliation: string }>>;
  readonly keys: { readonly demo: string };
}

interface Sums {
  events: number;
  input: bigint;
  output: bigint;
}

/** What was acknowledged, as the publisher knows it. */
class Publisher {
  readonly sessions = new Map<string, Sums>();
  readonly through = new Map<string, number>();
  acknowledged = 0;
  resent = 0;
  /** Told to end after what is under way, and to end at once. */
  isStopping = false;
  isAbandoned = false;
  ready: Ready | undefined;
  private made = 0;

  /** Publishes batches until told to stop: each until it is acknowledged, now and then once more. */
  async run(): Promise<void> {
    while (!this.isStopping && !this.isAbandoned) {
      const events = Array.from({ length: 1 + Math.floor(Math.random() * BATCH_EVENTS_MAX) }, () => this.event());
      await this.publish(events);
      for (const { subject, data: { tokens } } of events) {
        const sums = this.sessions.get(subject) ?? { events: 0, input: 0n, output: 0n };
        this.sessions.set(subject, { events: sums.events + 1, input: sums.input + BigInt(tokens.input), output: sums.output + BigInt(tokens.output) });
      }
      this.acknowledged += events.length;
      await sleep(PAUSE_MS);
      if (Math.random() < 0.2) {
        await this.publish(events);
        this.resent += events.length;
      }
    }
  }

  private event() {
    return {
      specversion: '1.0', type: 'meridian.usage.v1', source: 'kill-test', id: `e${this.made++}`, subject: `session-${Math.floor(Math.random() * SESSIONS)}`,
      time: new Date().toISOString(),
      data: { provider: 'p', model: 'm', tokens: { input: Math.floor(Math.random() * 1e6), output: Math.floor(Math.random() * 1e4) } },
    };
  }

  private async publish(events: readonly unknown[]): Promise<void> {
    for (;;) {
      if (this.isAbandoned) return;
      const { ready } = this;
      const regions = Object.values(ready?.regions ?? {});
      const region = regions[Math.floor(Math.random() * regions.length)];
      if (ready && region && (await this.post(region.ingest, ready.keys.demo, events))) return;
      await sleep(5);
    }
  }

  private async post(url: string, key: string, events: readonly unknown[]): Promise<boolean> {
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST', body: JSON.stringify(events),
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents-batch+json' },
      });
      if (response.status !== 202) return false;
      const answer = (await response.json()) as { rejected: number; through: Record<string, number> };
      expect(answer.rejected).toBe(0);
      for (const [log, offset] of Object.entries(answer.through)) this.through.set(log, Math.max(offset, this.through.get(log) ?? 0));
      return true;
    } catch {
      // Killed under the request: nothing is known of it, so it is sent again.
      return false;
    }
  }
}

describe('meridian dev', () => {
  let directory: string;
  const children: Meridian[] = [];
  const publisher = new Publisher();

  beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'meridian-kill-'))));
  afterAll(async () => {
    publisher.isAbandoned = true;
    await Promise.all(children.map((child) => child.signal('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (): Promise<{ child: Meridian; ready: Ready }> => {
    const child = new Meridian([...ARGS, directory]);
    children.push(child);
    return { child, ready: JSON.parse(await child.firstLine()) as Ready };
  };

  it(`loses nothing and counts nothing twice when it is killed ${KILLS} times at random moments`, async () => {
    const writers = Array.from({ length: WRITERS }, () => publisher.run());
    for (let kills = 0; kills < KILLS; kills++) {
      const { child, ready } = await start();
      publisher.ready = ready;
      await sleep(Math.random() * LIFE_MAX_MS);
      await child.signal('SIGKILL');
    }
    const { child, ready } = await start();
    publisher.ready = ready;
    publisher.isStopping = true;
    await Promise.all(writers);
    for (const { reconciliation } of Object.values(ready.regions)) {
      await untilFinal(reconciliation, ready.keys.demo, publisher.through);
      const { sessions, duplicates } = await totals(reconciliation, ready.keys.demo);
      expect(sessions).toEqual(publisher.sessions);
      expect(duplicates).toBeGreaterThanOrEqual(publisher.resent);
    }
    expect(publisher.acknowledged).toBeGreaterThan(KILLS);
    expect(await child.signal('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  }, 240_000);

  it('refuses to start on a directory that another one runs on, and says what to do', async () => {
    const { child } = await start();
    const second = await Meridian.run(...ARGS, directory);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/^meridian: .* is in use by another process \(pid \d+\)\. Stop that one first, or name another directory with --data\.\n$/);
    expect(await child.signal('SIGINT')).toMatchObject({ code: 0 });
  }, 30_000);
});

async function ask<T>(url: string, key: string): Promise<T> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  expect({ url, status: response.status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text) as T;
}

async function untilFinal(url: string, key: string, through: ReadonlyMap<string, number>): Promise<void> {
  const deadline = Date.now() + FINAL_DEADLINE_MS;
  for (;;) {
    const coverage = await ask<CoverageJson>(`${url}/v1/coverage`, key);
    const cuts = new Map(coverage.logs.map(({ log, cut }) => [log, cut]));
    if (coverage.status === 'final' && [...through].every(([log, offset]) => (cuts.get(log) ?? 0) >= offset)) {
      expect(coverage.logs.map(({ counts }) => counts.quarantined).filter((count) => count > 0)).toEqual([]);
      return;
    }
    if (Date.now() > deadline) expect(coverage).toMatchObject({ status: 'final', through: Object.fromEntries(through) });
    await sleep(50);
  }
}

async function totals(url: string, key: string): Promise<{ sessions: Map<string, Sums>; duplicates: number }> {
  const list = await ask<SessionListJson>(`${url}/v1/tenants/demo/sessions?limit=1000`, key);
  const hour = 3_600_000;
  const [from, to] = [Math.floor(Date.now() / hour) - 1, Math.floor(Date.now() / hour) + 1].map((at) => new Date(at * hour).toISOString());
  const usage = await ask<UsageJson>(`${url}/v1/tenants/demo/usage?from=${from}&to=${to}`, key);
  expect([list.status, usage.status]).toEqual(['final', 'final']);
  expect(list.sessions.filter(({ conflicts }) => conflicts > 0)).toEqual([]);
  const add = (sums: Sums, { events, tokens: { input = '', output = '' } }: SumJson): Sums =>
    ({ events: sums.events + events, input: sums.input + BigInt(input), output: sums.output + BigInt(output) });
  const zero: Sums = { events: 0, input: 0n, output: 0n };
  const sum = (parts: readonly SumJson[]): Sums => parts.reduce(add, zero);
  // Two ways to the same sums: session by session, and hour by hour.
  expect(sum(usage.lines)).toEqual(sum(list.sessions));
  return {
    sessions: new Map(list.sessions.map((part) => [part.session, add(zero, part)])),
    duplicates: usage.lines.reduce((total, { duplicates }) => total + duplicates, 0),
  };
}
