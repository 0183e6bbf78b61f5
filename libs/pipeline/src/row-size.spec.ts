/**
 * What a publisher can make large, over a ledger that refuses what DynamoDB would: an id in `model`, texts of the greatest
 * length, a session of hundreds of sets of dimensions that is voided.
 */
import { createHash } from 'node:crypto';
import {
  DIMENSION_BYTES_MAX, logId, streamId,
  type Clock, type Cut, type Hash, type LogId, type MeridianEvent, type UsageEvent, type VoidEvent,
} from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { encodeJson, keys, MemoryLedger, ROW_BYTES_MAX, sessionCacheCodec, TOO_LARGE, type Boundaries, type EndsSample, type StoredRow } from '@meridian/ledger';
import { Acceptor } from './accept';
import { hourName } from './answer/periods';
import { Reader } from './answer/read';
import { Rerun, type RerunResult } from './answer/rerun';
import { Resolver } from './answer/resolve';
import { Allocator, segmentsWrittenBy } from './cut/allocate';
import { Reacher } from './cut/reach';
import { registerLogs } from './cut/registry';
import { Sampler } from './cut/sample';
import { FOLD_DEFAULTS, Folder } from './fold/fold';
import { silentProbe } from './probe';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 20, 10);
const HOUR_MS = 3_600_000;
const HOUR = START / HOUR_MS;
const REGION = 'r'.repeat(64);
const TENANT = 't'.repeat(64);
const SETTINGS = { cutIntervalMs: 0, cutWaitMs: 0, sampleStaleMs: 60_000, cutIdleMs: 0 };
/** The estimate's 200 KiB, and what a line may take beyond its estimate: a region of 64 bytes, nine sums. */
const MANIFEST_EXPECTED_MAX = 300 * 1_024;
/** A second or two each, on a machine that does nothing else. */
const TIMEOUT_MS = 120_000;
/** Records of one fold. */
const BATCH = 1_000;

/** One region with names as long as they may be, all its loops, stepped by hand. */
class Region {
  readonly clock: Clock & { time: number } = { time: START, now: () => this.clock.time, sleep: () => new Promise((resolve) => setImmediate(resolve)) };
  readonly ledger = new MemoryLedger();
  readonly parts = { ledger: this.ledger, control: new MemoryLedger(), region: REGION, hash, clock: this.clock, probe: silentProbe };
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 1 }, clock: this.clock });
  readonly reacher = new Reacher(this.parts);
  readonly resolver = new Resolver({ ...this.parts, hasReached: (cut) => this.reacher.hasReached(cut) });
  readonly allocator = new Allocator(this.parts, SETTINGS);
  readonly reader = new Reader({ ...this.parts, reacher: this.reacher });
  logs: LogId[] = [];

  static async start(): Promise<Region> {
    const at = new Region();
    at.logs = await registerLogs(at.parts.control, REGION, at.log, at.clock);
    return at;
  }

  /** Accepts, folds, cuts and resolves. */
  async take(events: readonly MeridianEvent[]): Promise<void> {
    for (let from = 0; from < events.length; from += BATCH) {
      await new Acceptor({ ...this.parts, log: this.log, logs: this.logs }).accept(events.slice(from, from + BATCH));
    }
    const [log] = this.logs as [LogId];
    const segments = await segmentsWrittenBy(this.parts.control, REGION, log);
    const folder = new Folder({ ...this.parts, log: this.log }, { partition: 0, log, segments }, FOLD_DEFAULTS);
    for (let from = await folder.open(), records; ; from += records.length) {
      records = await this.log.read(0, from, BATCH);
      if (records.length === 0) break;
      await folder.offer(records);
    }
    await folder.flush();
    await new Sampler({ ...this.parts, log: this.log, logs: this.logs }).sample();
    for (let round = 0; round < 4; round++) {
      this.clock.time += 1_000;
      await this.reacher.step();
      await this.allocator.step();
      while ((await this.resolver.step()) !== undefined);
    }
  }

  rerun(dryRun = false): Promise<RerunResult> {
    return new Rerun(this.parts, { scope: { tenant: TENANT }, dryRun, onProgress: () => Promise.resolve() }).run();
  }

  rows(kind: string): StoredRow[] {
    return [...this.ledger.all()].filter(({ pk }) => pk.startsWith(`${kind}#`));
  }
}

/** Quotes, which JSON has to escape, and a number. */
function longest(i: number): string {
  return String(i).padStart(DIMENSION_BYTES_MAX, '"');
}

function usage(i: number, change: Partial<UsageEvent> = {}): UsageEvent {
  const tokens = Object.fromEntries(['input', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h', 'output', 'reasoning', 'audioInput', 'audioOutput', 'imageInput'].map((bucket) => [bucket, 2 ** 53 - 1 - i]));
  return {
    kind: 'usage', tenant: TENANT, session: '~'.repeat(256), source: 'chat', id: `${i}`, time: START, counted: 'estimated', tokens,
    provider: longest(i), model: longest(i), operation: longest(i), tier: longest(i), inferenceRegion: longest(i), ...change,
  };
}

function voiding(i: number): VoidEvent {
  return { kind: 'void', tenant: TENANT, session: '~'.repeat(256), source: 'chat', id: `void ${i}`, time: START, target: { source: 'chat', id: `${i}` }, reason: 'r'.repeat(256) };
}

function many(count: number, make: (i: number) => MeridianEvent): MeridianEvent[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

describe('a session of many sets of dimensions', () => {
  it('is resolved when it is voided in part, and again, and its total comes from its deltas', async () => {
    const at = await Region.start();
    const count = 600;
    await at.take(many(count, (i) => usage(i)));
    await at.take([voiding(0)]);
    await at.take([voiding(1), ...many(5, (i) => usage(count + i))]);
    const key = keys.sessionCache(REGION, TENANT, '~'.repeat(256));
    const cached = sessionCacheCodec.decode(at.ledger.stored(key)?.value ?? new Uint8Array());
    expect(cached.value).toBe(TOO_LARGE);
    const answer = await at.reader.session(TENANT, '~'.repeat(256), { live: false });
    expect(answer).toMatchObject({ events: count + 3, voided: 2, claim: { status: 'final' } });
    expect(answer?.usage).toHaveLength(count + 3);
    const { lines } = await at.reader.usage(TENANT, HOUR, HOUR + 1);
    expect(lines.reduce((sum, line) => sum + line.events, 0)).toBe(count + 3);
    expect(await at.rerun()).toMatchObject({ changes: 0 });
  }, TIMEOUT_MS);

  it('does not keep the total it had when that still fit', async () => {
    const at = await Region.start();
    await at.take([...many(10, (i) => usage(i)), voiding(0)]);
    expect(await at.reader.session(TENANT, '~'.repeat(256), { live: false })).toMatchObject({ events: 9 });
    await at.take(many(300, (i) => usage(10 + i)));
    expect(await at.reader.session(TENANT, '~'.repeat(256), { live: false })).toMatchObject({ events: 309 });
    expect(await at.rerun()).toMatchObject({ changes: 0 });
  }, TIMEOUT_MS);

  it('over hundreds of hours fits, whatever its lines are', async () => {
    const at = await Region.start();
    await at.take(many(1_000, (i) => usage(i, { time: START - (i % 800) * HOUR_MS, provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '' })));
    await at.take([voiding(3)]);
    expect(await at.reader.session(TENANT, '~'.repeat(256), { live: false })).toMatchObject({ events: 999 });
    expect(await at.rerun()).toMatchObject({ changes: 0 });
  }, TIMEOUT_MS);
});

describe('an hour of many sets of dimensions', () => {
  it('is split over rows, and added to', async () => {
    const at = await Region.start();
    for (let round = 0; round < 3; round++) await at.take(many(200, (i) => usage(round * 150 + i, { id: `${round} ${i}`, session: `s${i % 10}` })));
    expect(at.rows('U').length).toBeGreaterThanOrEqual(16);
    const { lines } = await at.reader.usage(TENANT, HOUR, HOUR + 1);
    expect([lines.length, lines.reduce((sum, { events }) => sum + events, 0)]).toEqual([500, 600]);
    expect((await at.reader.usage(TENANT, HOUR + 1, HOUR + 2)).lines).toEqual([]);
    expect((await at.reader.usage(TENANT, HOUR - 5, HOUR)).lines).toEqual([]);
    expect(await at.rerun()).toMatchObject({ changes: 0 });
  }, TIMEOUT_MS);

  it('is restored by a rerun, whose result fits into a row, too', async () => {
    const at = await Region.start();
    await at.take(many(400, (i) => usage(i, { session: `s${i % 10}` })));
    const before = at.rows('U');
    const [first, second, third] = before.filter(({ sk }) => sk.includes('#')) as [StoredRow, StoredRow, StoredRow];
    at.ledger.remove(first);
    at.ledger.put({ ...second, value: third.value });
    at.ledger.put({ ...keys.usageHour(REGION, TENANT, hourName(HOUR)), version: 0, value: third.value });
    const result = await at.rerun();
    expect(result.differences.map(({ problem }) => problem).sort()).toEqual(['extra', 'missing', 'wrong']);
    expect(JSON.stringify(result).length).toBeLessThan(ROW_BYTES_MAX);
    expect(await at.rerun()).toMatchObject({ changes: 0 });
    expect((await at.reader.usage(TENANT, HOUR, HOUR + 1)).lines).toHaveLength(400);
  }, TIMEOUT_MS);
});

describe('a fold of what makes a manifest large', () => {
  const largest = (at: Region): number => Math.max(...at.rows('M').map(({ value }) => value.length));

  it('ends it in time, an id in every text or not', async () => {
    const at = await Region.start();
    await at.take([...many(300, (i) => usage(i, { time: START - (i % 30) * HOUR_MS })), ...many(300, voiding)]);
    expect(largest(at)).toBeLessThan(MANIFEST_EXPECTED_MAX);
  }, TIMEOUT_MS);

  it('ends it in time also when one set of dimensions has a line in every hour there can be', async () => {
    const at = await Region.start();
    const dimensions = { provider: 'p', operation: '', tier: '', inferenceRegion: '' };
    await at.take(many(4_000, (i) => usage(i, { ...dimensions, session: `s${i % 50}`, time: START - (i % 830) * HOUR_MS, model: `${i % 7}` })));
    expect(largest(at)).toBeGreaterThan(190_000);
    expect(largest(at)).toBeLessThan(MANIFEST_EXPECTED_MAX);
  }, TIMEOUT_MS);
});

describe('an installation of 1,000 logs', () => {
  const logs = Array.from({ length: 1_000 }, (_, i) => logId({ region: 'ap-southeast-2', lineage: 0, partition: i }));
  const [number, time] = [10 ** 12, START];

  it('has cuts that fit, each log taken over once and lagging', () => {
    const cut: Cut = {
      k: number, asOf: time, by: 'ap-southeast-2',
      lagging: logs.map((log) => ({ code: 'not_folded', log, behind: 10 ** 7 })),
      logs: logs.map((log) => {
        const segments = [0, 1].map((j) => ({ stream: streamId(log, j), from: j * number, writer: 'ap-southeast-2', manifests: 10 ** 7 }));
        return { log, offset: number, asOf: time, segments };
      }),
    };
    expect(encodeJson({ cut }).length).toBeLessThan(ROW_BYTES_MAX);
  });

  it('has samples and boundaries that fit', () => {
    const counts = { entries: number, duplicates: 10 ** 7, quarantined: 10 ** 7 };
    const streams = Object.fromEntries(logs.flatMap((log) => [0, 1].map((j) => [streamId(log, j), { manifest: 10 ** 7, end: number, counts }])));
    expect(encodeJson({ streams } satisfies Boundaries).length).toBeLessThan(ROW_BYTES_MAX);
    expect(encodeJson({ sampledAt: time, ends: Object.fromEntries(logs.map((log) => [log, number])) } satisfies EndsSample).length).toBeLessThan(ROW_BYTES_MAX);
  });
});
