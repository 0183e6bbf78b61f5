/** The loops together, stepped by hand over memory adapters: two regions, two replicas, rows copied when a spec says so. */
import { createHash } from 'node:crypto';
import type { Clock, Hash, LogId, UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { INDEX_VALUE, keys, MemoryLedger, usageCodec, type StoredRow } from '@meridian/ledger';
import { Acceptor } from './accept';
import { Allocator, segmentsWrittenBy } from './cut/allocate';
import { FOLD_DEFAULTS, Folder } from './fold/fold';
import { hourName } from './answer/periods';
import { silentProbe } from './probe';
import { Reacher } from './cut/reach';
import { groupUsage, Reader } from './answer/read';
import { registerLogs } from './cut/registry';
import { Rerun, type RerunResult, type RerunScope } from './answer/rerun';
import { Resolver } from './answer/resolve';
import { Sampler } from './cut/sample';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
const HOUR = START / 3_600_000;
const SETTINGS = { cutIntervalMs: 0, cutWaitMs: 0, sampleStaleMs: 60_000, cutIdleMs: 0 };

class HandClock implements Clock {
  time = START;
  now(): number {
    return this.time;
  }
  sleep(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** One region with a log of one partition, everything it runs, and its own replica. */
class Region {
  readonly ledger = new MemoryLedger();
  log: MemoryEventLog;
  logs: LogId[] = [];
  readonly reacher: Reacher;
  readonly resolver: Resolver;
  readonly allocator: Allocator;
  readonly reader: Reader;

  constructor(readonly name: string, readonly control: MemoryLedger, readonly clock: HandClock) {
    this.log = this.newLog('first');
    const parts = { ledger: this.ledger, control, region: name, hash, clock, probe: silentProbe };
    this.reacher = new Reacher(parts);
    this.resolver = new Resolver({ ...parts, hasReached: (cut) => this.reacher.hasReached(cut) });
    this.allocator = new Allocator(parts, SETTINGS);
    this.reader = new Reader({ ledger: this.ledger, region: name, hash, reacher: this.reacher });
  }

  newLog(cluster: string): MemoryEventLog {
    return new MemoryEventLog({ incarnation: { cluster, topic: 'usage', partitions: 1 }, clock: this.clock });
  }

  async register(): Promise<void> {
    this.logs = await registerLogs(this.control, this.name, this.log, this.clock);
  }

  accept(...events: UsageEvent[]): Promise<unknown> {
    return new Acceptor({ log: this.log, logs: this.logs, clock: this.clock, probe: silentProbe }).accept(events);
  }

  async folder(): Promise<Folder> {
    const log = this.logs[0] as LogId;
    const segments = await segmentsWrittenBy(this.control, this.name, log);
    return new Folder({ log: this.log, ledger: this.ledger, hash, clock: this.clock, probe: silentProbe }, { partition: 0, log, segments }, FOLD_DEFAULTS);
  }

  async fold(): Promise<void> {
    const folder = await this.folder();
    const start = await folder.open();
    await folder.offer(await this.log.read(0, start, 1_000));
    await folder.flush();
    await this.sample();
  }

  async sample(): Promise<void> {
    const { log, ledger, control, name: region, logs, clock } = this;
    await new Sampler({ log, ledger, control, region, logs, hash, clock, probe: silentProbe }).sample();
  }

  async rerun(scope: RerunScope, dryRun: boolean): Promise<RerunResult> {
    return new Rerun({ ledger: this.ledger, region: this.name, hash, clock: this.clock }, { scope, dryRun, onProgress: () => Promise.resolve() }).run();
  }
}

class Installation {
  readonly clock = new HandClock();
  readonly control = new MemoryLedger();
  readonly east = new Region('east', this.control, this.clock);
  readonly west = new Region('west', this.control, this.clock);

  static async start(): Promise<Installation> {
    const installation = new Installation();
    await installation.east.register();
    await installation.west.register();
    return installation;
  }

  /** Copies rows both ways, except those `isHeld` holds back. */
  replicate(isHeld: (row: StoredRow) => boolean = () => false): void {
    for (const [from, to] of [[this.east, this.west], [this.west, this.east]] as const) {
      for (const row of from.ledger.all()) {
        const known = to.ledger.stored(row);
        if ((!known || known.version < row.version) && !isHeld(row)) to.ledger.put(row);
      }
    }
  }

  /** Folds, replicates, reaches, cuts and resolves until nothing moves. */
  async settle(isHeld?: (row: StoredRow) => boolean): Promise<void> {
    for (let round = 0; round < 4; round++) {
      this.clock.time += 1_000;
      for (const region of [this.east, this.west]) await region.fold();
      this.replicate(isHeld);
      for (const region of [this.east, this.west]) await region.reacher.step();
      this.replicate(isHeld);
      await this.east.allocator.step();
      await this.east.allocator.step();
      this.replicate(isHeld);
      for (const region of [this.east, this.west]) {
        await region.reacher.step();
        while ((await region.resolver.step()) !== undefined);
      }
    }
  }
}

function event(id: string, change: Partial<UsageEvent> = {}): UsageEvent {
  const base = { kind: 'usage', tenant: 'acme', source: 'chat', id, session: 's1', time: START, provider: 'openai', model: 'small', counted: 'reported' } as const;
  return { ...base, tokens: { input: 100, output: 10 }, ...change };
}

describe('an installation of two regions', () => {
  it('counts an event once wherever and however often it arrives, and says so as final', async () => {
    const at = await Installation.start();
    await at.east.accept(event('a'), event('b'), event('a'));
    await at.west.accept(event('a'), event('c'));
    await at.settle();
    for (const { reader } of [at.east, at.west]) {
      const answer = await reader.session('acme', 's1', { live: false });
      expect(answer).toMatchObject({ events: 3, tokens: { input: 300n, output: 30n }, duplicates: 1, streams: 2, claim: { status: 'final', reasons: [] } });
      const { lines } = await reader.usage('acme', HOUR, HOUR + 1);
      expect(groupUsage(lines, 'hour', new Set())).toMatchObject([{ events: 3, duplicates: 2, tokens: { input: 300n, output: 30n } }]);
    }
  });

  it('explains every entry: which counts, which repeats which, which is taken out by which', async () => {
    const at = await Installation.start();
    await at.east.accept(event('a'), event('b'));
    await at.west.accept(event('a'), event('b', { tokens: { input: 999 } }));
    await at.settle();
    const { standings, claim } = await at.west.reader.explain('acme', 's1');
    expect(standings.map(({ log, outcome, winner }) => `${log} ${outcome} ${winner?.log ?? ''}`).sort()).toEqual([
      'east.0.0 counted ', 'east.0.0 counted ', 'west.0.0 conflict east.0.0', 'west.0.0 duplicate east.0.0',
    ]);
    expect(claim).toMatchObject({ status: 'final', reasons: [{ code: 'conflict', conflicts: 1 }] });
  });

  it('puts what is too old or too far ahead in quarantine, with the reason, and counts it in the coverage', async () => {
    const at = await Installation.start();
    await at.east.accept(event('old', { time: START - 36 * 86_400_000 }), event('ahead', { time: START + 600_000 }), event('fine'));
    await at.settle();
    const { logs } = await at.east.reader.coverage();
    expect(logs[0]).toMatchObject({ log: 'east.0.0', end: 3, folded: 3, reached: 3, cut: 3, counts: { entries: 1, duplicates: 0, quarantined: 2 } });
    const codes = [...at.east.ledger.all()].filter(({ pk }) => pk.startsWith('Q#')).map(({ value }) => (JSON.parse(Buffer.from(value).toString()) as { code: string }).code);
    expect(codes.sort()).toEqual(['too_far_ahead', 'too_old']);
  });

  it('calls nothing final that misses a delta, and shows a live estimate apart', async () => {
    const at = await Installation.start();
    await at.east.accept(event('a'));
    await at.settle();
    await at.east.accept(event('b'));
    const isSecondDelta = ({ sk }: StoredRow): boolean => sk.startsWith('D#east') && sk.endsWith('00000002');
    await at.settle(isSecondDelta);
    // The west has the manifest but not the delta: no cut names it, for nobody but the writer vouches for it.
    expect(await at.west.reader.session('acme', 's1', { live: false })).toMatchObject({ events: 1 });
    const east = await at.east.reader.session('acme', 's1', { live: true });
    expect(east).toMatchObject({ events: 1, live: { events: 2, tokens: { input: 200n } } });
    expect(east?.claim).toMatchObject({ status: 'provisional', reasons: [{ code: 'not_folded', log: 'east.0.0', behind: 1 }] });
    await at.settle();
    expect(await at.west.reader.session('acme', 's1', { live: false })).toMatchObject({ events: 2, claim: { status: 'final' } });
  });

  it('pages through the sessions of a period', async () => {
    const at = await Installation.start();
    await at.east.accept(...Array.from({ length: 25 }, (_, i) => event(`e${i}`, { session: `s/${i}` })));
    await at.settle();
    const names: string[] = [];
    for (let cursor, rounds = 0; rounds < 10; rounds++) {
      const page = await at.east.reader.sessions('acme', '2026-05', cursor, 7);
      names.push(...page.sessions.map(({ session }) => session));
      cursor = page.next;
      if (!cursor) break;
    }
    expect(new Set(names)).toEqual(new Set(Array.from({ length: 25 }, (_, i) => `s/${i}`)));
    expect(names).toHaveLength(25);
  });
});

describe('a log that is not the one that was folded', () => {
  async function replaced(...ids: readonly string[]): Promise<Installation> {
    const at = await Installation.start();
    await at.east.accept(event('a'), event('b'));
    await at.settle();
    at.east.log = at.east.newLog('first');
    await at.east.accept(...ids.map((id) => event(id)));
    return at;
  }

  it.each([['shorter', ['x']], ['of the same length', ['x', 'y']], ['longer', ['x', 'y', 'z']]])('is not folded any further when it is %s', async (_, ids) => {
    const at = await replaced(...ids);
    await expect((await at.east.folder()).open()).rejects.toMatchObject({ code: 'log_truncated', retryable: false });
  });

  it('is left out of the samples, so that no cut is called complete by it', async () => {
    const at = await replaced('x', 'y');
    await at.east.sample();
    const row = at.east.ledger.stored(keys.ends('east', 0));
    expect(JSON.parse(Buffer.from(row?.value ?? []).toString())).toMatchObject({ ends: {} });
  });
});

describe('a rerun', () => {
  async function settled(): Promise<Installation> {
    const at = await Installation.start();
    await at.east.accept(event('a'), event('b', { session: 's2' }));
    await at.west.accept(event('a'));
    await at.settle();
    return at;
  }

  it('finds nothing where nothing was touched', async () => {
    const at = await settled();
    expect(await at.east.rerun({ tenant: 'acme' }, false)).toMatchObject({ sessions: 2, changes: 0, differences: [] });
  });

  it('names every row that was damaged by hand, restores it, and finds nothing the next time', async () => {
    const at = await settled();
    const { ledger } = at.east;
    const usageKey = keys.usageHour('east', 'acme', hourName(HOUR));
    const cacheKey = keys.sessionCache('east', 'acme', 's1');
    const before = [usageKey, cacheKey].map((key) => ledger.stored(key)?.value);
    const usage = usageCodec.decode(before[0] as Uint8Array);
    ledger.put({ ...usageKey, version: 1, value: usageCodec.encode({ k: usage.k, value: usage.value.map((line) => ({ ...line, tokens: { input: 1n } })) }) });
    ledger.put({ ...cacheKey, version: 1, value: new TextEncoder().encode('garbage') });
    const dry = await at.east.rerun({ tenant: 'acme' }, true);
    expect(dry.differences.map(({ row, problem }) => `${row} ${problem}`).sort()).toEqual(['U wrong', 'V corrupt']);
    expect(await at.east.rerun({ tenant: 'acme' }, false)).toMatchObject({ changes: 2 });
    expect(await at.east.rerun({ tenant: 'acme' }, false)).toMatchObject({ changes: 0 });
    expect(await at.east.reader.session('acme', 's1', { live: false })).toMatchObject({ events: 1 });
    expect((await at.east.reader.usage('acme', HOUR, HOUR + 1)).lines.map(({ region, events }) => [region, events])).toEqual([['east', 2], ['west', 0]]);
  });

  it('restores a usage row that reconciliation cannot build upon; until then the region waits and does not end', async () => {
    const at = await settled();
    const { ledger } = at.east;
    ledger.put({ ...keys.usageHour('east', 'acme', hourName(HOUR)), version: 1, value: new TextEncoder().encode('garbage') });
    await at.east.accept(event('c', { session: 's2' }));
    await expect(at.settle()).rejects.toMatchObject({ code: 'resolving', retryable: true });
    expect((await at.east.rerun({ tenant: 'acme' }, false)).differences).toMatchObject([{ row: 'U', problem: 'corrupt' }]);
    await at.settle();
    expect((await at.east.reader.usage('acme', HOUR, HOUR + 1)).lines.map(({ region, events }) => [region, events])).toEqual([['east', 3], ['west', 0]]);
    expect(await at.east.rerun({ tenant: 'acme' }, false)).toMatchObject({ changes: 0 });
  });

  it('restores what is gone; an index that names one session too many lists nothing of it', async () => {
    const at = await settled();
    const { ledger } = at.east;
    const listed = async (): Promise<string[]> => (await at.east.reader.sessions('acme', '2026-05', undefined, 10)).sessions.map(({ session }) => session).sort();
    const gone = keys.sessionIndex('east', 'acme', '2026-05', 's2');
    ledger.remove(gone);
    await ledger.insert({ ...keys.sessionIndex('east', 'acme', '2026-05', 'ghost'), value: INDEX_VALUE });
    expect(await listed()).toEqual(['s1']);
    expect((await at.east.rerun({ tenant: 'acme' }, true)).differences).toMatchObject([{ row: 'T', problem: 'missing', ...gone }]);
    expect((await at.east.rerun({ tenant: 'acme' }, false)).changes).toBe(1);
    expect(await at.east.rerun({ tenant: 'acme' }, false)).toMatchObject({ changes: 0 });
    expect(await listed()).toEqual(['s1', 's2']);
  });

  it('refuses a scope that is not one, naming the field', async () => {
    const at = await settled();
    await expect(at.east.rerun({ tenant: 'a b' }, true)).rejects.toMatchObject({ code: 'scope_invalid' });
    await expect(at.east.rerun({ tenant: 'acme', from: 5, to: 5 }, true)).rejects.toThrow('scope.from');
  });
});
