/** The checker against a region that answers wrongly on purpose. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api';
import { Checker, type Evidence } from './checker';
import { Findings } from './findings';
import { Load } from './load';
import { Random } from './random';
import { WrongRegion } from './wrong-region';

let region: WrongRegion;
let directory: string;
let load: Load;
let findings: Findings;
let checker: Checker;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checker-'));
  region = await WrongRegion.start();
});
afterEach(async () => {
  await load.stop();
  await region.close();
  await rm(directory, { recursive: true, force: true });
});

/** Everything is acknowledged when it begins. */
async function start(api: Api): Promise<void> {
  load = await Load.start({ directory, api, seed: 1, eventsPerSecond: 300, onRefused: () => undefined });
  findings = new Findings(() => undefined);
  checker = new Checker({ api, load, findings, random: new Random(1) });
  await sleep(300);
  await load.pause(5_000);
}

/** What it does in a second or so of a fault. */
async function watch(ms = 1_200): Promise<{ readonly lacks: readonly string[]; readonly evidence: Evidence }> {
  const stopping = new AbortController();
  const running = checker.run(stopping.signal);
  checker.watch('fault');
  await Promise.race([sleep(ms), running]);
  const lacks = checker.rest();
  stopping.abort();
  await running;
  return { lacks, evidence: checker.evidenceFor('fault') };
}

describe('the checker', () => {
  it('finds nothing in totals that are right, and tells how many it has judged', async () => {
    await start(region.api());
    const { lacks, evidence } = await watch();
    expect(findings.counts).toEqual({ lost: 0, double: 0, falselyFinal: 0 });
    expect(lacks).toEqual([]);
    expect(evidence).toMatchObject({ unanswered: 0, slackMs: 0, excused: 0 });
    expect(evidence.answers).toBeGreaterThan(2);
    expect(evidence.finals).toBe(evidence.answers);
  });

  it('blames a region that calls all final and does not know a session', async () => {
    region.wrongs.isKnown = () => false;
    await start(region.api());
    expect((await watch()).evidence.finals).toBeGreaterThan(0);
    expect(findings.counts.falselyFinal).toBeGreaterThan(0);
  });

  it('does not blame one that does not know a session and says that it waits', async () => {
    region.wrongs.isKnown = () => false;
    region.wrongs.isFinal = false;
    await start(region.api());
    expect((await watch()).evidence).toMatchObject({ finals: 0, unanswered: 0 });
    expect(findings.counts.falselyFinal).toBe(0);
  });

  it('asks every region, and all of them for the same sessions, so that cuts are met again', async () => {
    await start(region.api('one', 'two', 'three'));
    const { evidence } = await watch();
    expect(evidence.answers).toBeGreaterThan(6);
    expect(evidence.repeats).toBeGreaterThan(evidence.answers / 4);
  });

  it('counts what is not answered, and reports a fault during which nothing could be judged', async () => {
    region.wrongs.broken = { status: 503, body: '{}' };
    await start(region.api());
    const { lacks, evidence } = await watch();
    expect(lacks).toEqual(['no total could be judged while it was at work']);
    expect(evidence.answers).toBe(0);
    expect(evidence.unanswered).toBeGreaterThan(2);
  });

  it('reports that of a second round, too', async () => {
    await start(region.api());
    expect((await watch()).lacks).toEqual([]);
    region.wrongs.broken = { status: 503, body: '{}' };
    expect((await watch()).lacks).toHaveLength(1);
  });

  it('ends with what it cannot read, and hides it from nobody', async () => {
    region.wrongs.broken = { status: 200, body: '{"session":' };
    await start(region.api());
    await expect(watch()).rejects.toThrow(SyntaxError);
  });

  it('tells what only the slack excuses', async () => {
    region.wrongs.isKnown = () => false;
    await start(region.api());
    checker.slackMs = 60_000;
    const { evidence } = await watch();
    expect(findings.counts.falselyFinal).toBe(0);
    expect(evidence.slackMs).toBe(60_000);
    expect(evidence.excused).toBeGreaterThan(0);
  });

  it('is no evidence for a fault that is over', async () => {
    await start(region.api());
    const { evidence } = await watch();
    const stopping = new AbortController();
    const running = checker.run(stopping.signal);
    await sleep(600);
    stopping.abort();
    await running;
    expect(checker.evidenceFor('fault')).toEqual(evidence);
  });
});
