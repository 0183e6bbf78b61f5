/** Retention that is faster than the fold, and the way out of it: two regions over one ledger, stepped by hand. */
import { createHash } from 'node:crypto';
import type { Clock, Hash, LogId } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { MemoryLedger } from '@meridian/ledger';
import { Acceptor } from './accept';
import { Allocator, segmentsWrittenBy } from './cut/allocate';
import { renewRegion } from './cut/handover';
import { Reacher } from './cut/reach';
import { listLogs, registerLogs } from './cut/registry';
import { Sampler } from './cut/sample';
import { Reader, type CoverageAnswer, type SessionAnswer } from './answer/read';
import { Resolver } from './answer/resolve';
import { FOLD_DEFAULTS, Folder } from './fold/fold';
import { silentProbe } from './probe';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
const clock: Clock & { time: number } = { time: START, now: () => clock.time, sleep: () => new Promise((resolve) => setImmediate(resolve)) };
beforeEach(() => (clock.time = START));

/** Of one region: a topic of one partition, and whatever runs there. */
class Region {
  readonly log: MemoryEventLog;
  logs: readonly LogId[] = [];
  private readonly reacher: Reacher;
  private readonly resolver: Resolver;
  private readonly reader: Reader;

  constructor(readonly name: string, private readonly ledger: MemoryLedger, private readonly control: MemoryLedger) {
    this.log = new MemoryEventLog({ incarnation: { cluster: name, topic: 'usage', partitions: 1 }, clock });
    const parts = { ledger, control, region: name, hash, clock, probe: silentProbe };
    this.reacher = new Reacher(parts);
    this.resolver = new Resolver({ ...parts, hasReached: (cut) => this.reacher.hasReached(cut) });
    this.reader = new Reader({ ledger, region: name, hash, reacher: this.reacher });
  }

  /** A service starts: it registers what it must, and knows its logs. */
  async start(): Promise<void> {
    this.logs = await registerLogs(this.control, this.name, this.log, clock);
  }

  async accept(...ids: readonly string[]): Promise<void> {
    const event = { kind: 'usage', tenant: 'acme', source: 'chat', session: 's', time: START, provider: 'p', model: 'm', counted: 'reported', tokens: { input: 1 } } as const;
    await new Acceptor({ log: this.log, logs: this.logs, clock, probe: silentProbe }).accept(ids.map((id) => ({ ...event, id })));
  }

  /** Where the fold opens. Takes in up to `limit` records from there, and writes. */
  async fold(limit = 100): Promise<number> {
    const [log] = this.logs as [LogId];
    const segments = await segmentsWrittenBy(this.control, this.name, log);
    const folder = new Folder({ log: this.log, ledger: this.ledger, hash, clock, probe: silentProbe }, { partition: 0, log, segments }, FOLD_DEFAULTS);
    const from = await folder.open();
    await folder.offer(await this.log.read(0, from, limit));
    await folder.flush();
    return from;
  }

  async sample(): Promise<void> {
    await new Sampler({ log: this.log, ledger: this.ledger, control: this.control, region: this.name, logs: this.logs, hash, clock, probe: silentProbe }).sample();
  }

  async reconcile(): Promise<void> {
    await this.reacher.step();
    while ((await this.resolver.step()) !== undefined);
  }

  coverage(): Promise<CoverageAnswer> {
    return this.reader.coverage();
  }

  session(): Promise<SessionAnswer | undefined> {
    return this.reader.session('acme', 's', { live: false });
  }

  renew(): ReturnType<typeof renewRegion> {
    return renewRegion({ ledger: this.ledger, control: this.control, region: this.name }, { region: this.name, by: 'operator', reason: 'retention', clock });
  }
}

class Installation {
  readonly control = new MemoryLedger();
  private readonly ledger = new MemoryLedger();
  readonly east = new Region('east', this.ledger, this.control);
  readonly west = new Region('west', this.ledger, this.control);
  private readonly allocator = new Allocator(
    { ledger: this.ledger, control: this.control, region: 'west', clock, probe: silentProbe },
    { cutIntervalMs: 0, cutWaitMs: 0, sampleStaleMs: 60_000, cutIdleMs: 0 },
  );

  /** Time passes: both regions sample, reach and resolve, and cuts are made. */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      clock.time += 1_000;
      for (const region of [this.east, this.west]) await region.sample();
      for (const region of [this.east, this.west]) await region.reconcile();
      await this.allocator.step();
      for (const region of [this.east, this.west]) await region.reconcile();
    }
  }
}

describe('retention that is faster than the fold', () => {
  it('stops the log also when nothing of it was ever folded', async () => {
    const at = new Installation();
    await at.east.start();
    await at.east.accept('a', 'b');
    at.east.log.trim(0, 1);
    await expect(at.east.fold()).rejects.toMatchObject({ code: 'log_gap', retryable: false });
  });

  it('is none of our business before the first service starts: the logs begin where the topic does by then', async () => {
    const at = new Installation();
    await at.east.log.append(Array.from({ length: 3 }, () => ({ partition: 0, key: '', value: Uint8Array.of(0) })));
    at.east.log.trim(0, 3);
    await Promise.all([at.east.start(), at.west.start()]);
    await at.east.accept('a');
    expect(await at.east.fold()).toBe(3);
    await at.settle();
    expect(await at.east.session()).toMatchObject({ events: 1, claim: { status: 'final', reasons: [] } });
    expect((await at.west.coverage()).logs[0]).toMatchObject({ log: 'east.0.0', end: 4, folded: 4, reached: 4, cut: 4, behind: 0, counts: { entries: 1 } });
  });

  it('is got over by a new lineage: it folds all that is left, and nothing is final from before to then', async () => {
    const at = new Installation();
    await Promise.all([at.east.start(), at.west.start()]);
    await at.east.accept('a', 'b', 'lost', 'gone', 'c');
    await at.east.fold(2);
    await at.settle();
    at.east.log.trim(0, 4);
    await expect(at.east.fold()).rejects.toMatchObject({ code: 'log_gap' });
    await at.settle();
    const { asOf } = (await at.west.coverage()).claim;
    expect(await at.east.renew()).toMatchObject({ lineage: 0, offsets: { 'east.0.0': 2 } });
    await at.settle();
    // What is left was acknowledged long ago and is not counted yet: no T may pass it before it is.
    expect((await at.west.coverage()).claim).toMatchObject({ status: 'provisional', asOf });
    await at.east.start();
    expect(await listLogs(at.control)).toMatchObject([{ log: 'east.0.0', retired: { offset: 2, by: 'operator', reason: 'retention' } }, { log: 'east.1.0', start: 4, retired: undefined }, {}]);
    await at.settle();
    expect((await at.west.coverage()).claim).toMatchObject({ status: 'provisional', asOf });
    expect(await at.east.fold()).toBe(4);
    await at.settle();
    expect(await at.west.session()).toMatchObject({ events: 3, claim: { status: 'final', reasons: [] } });
    expect((await at.west.coverage()).claim.asOf).toBeGreaterThan(asOf);
  });
});
