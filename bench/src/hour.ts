/**
 * An hour of the whole pipeline on virtual time: regions with their logs in memory, the shipped loops at their own pace
 * over a table that counts, and events accepted one by one when they happened. Nothing of it waits for a real timer.
 */
import type { LogId, UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { withDerivedApart, type Ledger } from '@meridian/ledger';
import {
  Acceptor, ALLOCATE_DEFAULTS, Allocator, FOLD_DEFAULTS, FoldService, Reacher, registerLogs, repeating, resolvedThrough, Resolver, SAMPLE_LOOK_MS, Sampler,
  sampleSettings, segmentsWrittenBy, silentProbe, type FoldSettings,
} from '@meridian/pipeline';
import { nodeHash, seededRandom } from '@meridian/system';
import { createReplicas, createTable, UnitCounter } from './replicas';
import { VirtualClock } from './virtual-clock';

export const REGIONS = ['ap-southeast-1', 'eu-west-1', 'us-east-1'] as const;
export const PARTITIONS = 3;
const REPLICATION_MS = 500;
/** As reconciliation's own. */
const LOOP_MS = 500;
/** A region that flushes rarely is sampled rarely: an operator sets `MERIDIAN_SAMPLE_STALE_MS` accordingly. */
const STALE_FLUSHES = 3;
/** After the last event, until every region has resolved it. */
const AFTER_MS_MAX = 3_600_000;

export interface Sent {
  readonly event: UsageEvent;
  readonly region: string;
}

/** What an hour cost, and when which log accepted what. */
export interface Hour {
  readonly counter: UnitCounter;
  readonly accepted: readonly { readonly at: number; readonly log: LogId; readonly session: string }[];
  readonly cuts: number;
}

/** When deltas are flushed: `MERIDIAN_FLUSH_AGE_MS`, `MERIDIAN_FLUSH_IDLE_MS`. */
export type Flush = Pick<FoldSettings, 'flushAgeMs' | 'flushIdleMs'>;

/** `sent` in the order of time. Everything but `flush` is as the services have it by default, or, of samples that are stale, as a long flush age needs it. */
export async function runHour(sent: readonly Sent[], flush: Flush): Promise<Hour> {
  const { flushAgeMs } = flush;
  const start = (sent[0] as Sent).event.time;
  const clock = new VirtualClock(start - SAMPLE_LOOK_MS);
  const counter = new UnitCounter();
  const control = createTable(counter);
  const replicas = createReplicas({ regions: REGIONS, clock, delayMs: REPLICATION_MS, counter });
  const stopping = new AbortController();
  const regions = await Promise.all([...replicas].map(([region, ledger]) =>
    startRegion({ region, ledger, derived: createTable(counter), control, clock, flush, signal: stopping.signal })));
  const byName = new Map(regions.map((one) => [one.region, one]));
  const accepted: { at: number; log: LogId; session: string }[] = [];
  const failures: unknown[] = [];
  for (const { event, region } of sent) {
    clock.at(event.time, () => {
      byName.get(region)?.acceptor.accept([event]).then(
        (through) => accepted.push({ at: clock.now(), log: Object.keys(through)[0] as LogId, session: event.session }),
        (error: unknown) => failures.push(error),
      );
    });
  }
  const last = (sent.at(-1) as Sent).event.time;
  for (const one of regions) one.ended.catch((error: unknown) => failures.push(error));
  await clock.run(last, () => failures.length > 0);
  let resolved = 0;
  for (let until = last + flushAgeMs; resolved < last && failures.length === 0 && until < last + AFTER_MS_MAX; until += flushAgeMs) {
    await clock.run(until, () => failures.length > 0);
    resolved = Math.min(...(await Promise.all(regions.map(({ region, ledger }) => resolvedThrough(ledger, region)))).map((cut) => cut.asOf));
  }
  if (failures.length > 0) throw failures[0];
  if (resolved < last) throw new RangeError('the hour was never resolved to its end');
  const cuts = counter.writes.get('CUT') ?? 0;
  stopping.abort();
  await clock.run(clock.now());
  return { counter, accepted, cuts };
}

interface RegionOptions {
  readonly region: string;
  readonly ledger: Ledger;
  readonly derived: Ledger;
  readonly control: Ledger;
  readonly clock: VirtualClock;
  readonly flush: Flush;
  readonly signal: AbortSignal;
}

interface Region {
  readonly region: string;
  readonly acceptor: Acceptor;
  readonly ledger: Ledger;
  readonly ended: Promise<unknown>;
}

/** What ingest, aggregator and reconciliation of a region run. */
async function startRegion({ region, ledger: replica, derived, control, clock, flush, signal }: RegionOptions): Promise<Region> {
  const { flushAgeMs } = flush;
  const log = new MemoryEventLog({ incarnation: { cluster: region, topic: 'events', partitions: PARTITIONS }, clock });
  const logs = await registerLogs(control, region, log, clock);
  const ledger = withDerivedApart(replica, derived);
  const parts = { log, logs, ledger, control, region, hash: nodeHash, clock, random: seededRandom(1), probe: silentProbe, signal };
  const service = new FoldService(
    { ...parts, segmentsOf: (id) => segmentsWrittenBy(control, region, id), openStream: () => Promise.resolve() },
    { ...FOLD_DEFAULTS, ...flush },
  );
  await service.start(log);
  const sampler = new Sampler(parts, sampleSettings(flushAgeMs));
  const reacher = new Reacher(parts);
  const resolver = new Resolver({ ...parts, hasReached: (cut) => reacher.hasReached(cut) });
  const allocator = new Allocator(parts, { ...ALLOCATE_DEFAULTS, sampleStaleMs: Math.max(ALLOCATE_DEFAULTS.sampleStaleMs, STALE_FLUSHES * flushAgeMs) });
  signal.addEventListener('abort', () => void service.abandon(), { once: true });
  const ended = Promise.all([
    service.run(),
    repeating('sample', () => Math.min(SAMPLE_LOOK_MS, sampler.untilNextMs), parts, async () => service.sampled(await sampler.step(true))),
    repeating('reach', LOOP_MS, parts, () => reacher.step()),
    repeating('allocate', LOOP_MS, parts, () => allocator.step()),
    repeating('resolve', LOOP_MS, parts, () => resolver.step()),
  ]);
  return { region, acceptor: new Acceptor(parts), ledger, ended };
}
