/** The comparison against a region that answers wrongly on purpose. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TENANTS } from './api';
import { Checker } from './checker';
import { Findings, type Counts } from './findings';
import { Load } from './load';
import { Random } from './random';
import { settle } from './settle';
import { WrongRegion, type Wrongs } from './wrong-region';

let region: WrongRegion;
let directory: string;
/** Sessions that were made, of any tenant. */
let made: ReadonlySet<string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'settle-'));
  region = await WrongRegion.start();
});
afterEach(async () => {
  await region.close();
  await rm(directory, { recursive: true, force: true });
});

async function compare(wrongs: Partial<Wrongs> = {}, exactWithinMs = 1_000): Promise<{ readonly seconds: number | undefined; readonly counts: Counts }> {
  Object.assign(region.wrongs, wrongs);
  const api = region.api();
  const load = await Load.start({ directory, api, seed: 1, eventsPerSecond: 300, onRefused: fail });
  const findings = new Findings(() => undefined);
  const checker = new Checker({ api, load, findings, random: new Random(1) });
  await new Promise((wait) => setTimeout(wait, 600));
  const seconds = await settle({ api, load, checker, findings, say: () => undefined, exactWithinMs });
  made = new Set(TENANTS.flatMap((tenant) => load.sessionsOf(tenant)));
  await load.stop();
  return { seconds, counts: findings.counts };
}

function fail(message: string): never {
  throw new TypeError(message);
}

const [tenant, other] = TENANTS as [string, string];
const ofFirst = (event: { readonly tenant: string }, at: number): boolean => event.tenant === tenant && at === 3;

describe('the comparison', () => {
  it('is content with totals that are exact and final', async () => {
    expect(await compare()).toEqual({ seconds: expect.any(Number) as number, counts: { lost: 0, double: 0, falselyFinal: 0 } });
  });

  it('notices one event that was lost, also that its total was called final', async () => {
    expect(await compare({ counted: (event, at) => (ofFirst(event, at) ? 0 : 1) })).toEqual({ seconds: undefined, counts: { lost: 1, double: 0, falselyFinal: 1 } });
  });

  it('notices one event that was counted twice', async () => {
    expect((await compare({ counted: (event, at) => (ofFirst(event, at) ? 2 : 1) })).counts).toEqual({ lost: 0, double: 1, falselyFinal: 0 });
  });

  it('is not content before totals are final', async () => {
    expect((await compare({ isFinal: false })).seconds).toBeUndefined();
  });

  it('notices that a whole session was missing where all was called final, though it came soon after', async () => {
    // Of the first look: the lists and the usage of both tenants.
    let left = 4;
    const { seconds, counts } = await compare({ isKnown: (session) => session !== 'publisher-1-0' || left-- <= 0, cut: () => (left > 0 ? 1 : 2) }, 10_000);
    expect(seconds).toBeDefined();
    expect(counts).toMatchObject({ lost: 0, double: 0 });
    expect(counts.falselyFinal).toBeGreaterThan(0);
  });

  it('notices events that another tenant has, too', async () => {
    expect((await compare({ belongs: () => true })).counts.double).toBeGreaterThan(0);
  });

  it('notices events that count as known, for another tenant has their ids', async () => {
    const seen = new Map<string, string>();
    const isFirst = (id: string, of: string): boolean => (seen.has(id) || seen.set(id, of)) && seen.get(id) === of;
    const { counts } = await compare({ belongs: (event, of) => event.tenant === of && isFirst(event.id, of) });
    expect(counts.lost).toBeGreaterThan(0);
  });

  it('makes sessions of the same names for every tenant, with tokens of their own', async () => {
    await compare();
    expect(made.has('publisher-1-0')).toBe(true);
    // Whose they are is all that tells them apart: swapped, every total is wrong.
    await rm(directory, { recursive: true, force: true });
    const { counts } = await compare({ belongs: (event, of) => event.tenant === (of === tenant ? other : tenant) });
    expect(counts.lost + counts.double).toBeGreaterThan(0);
  });
});
