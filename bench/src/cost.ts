/**
 * `cost`: write units per event on the sample at several flush ages, three regions, by kind of row, beside the naive
 * design and the floor. Once as it ships, and then with the flush age as the idle time too, as who wants few writes sets
 * both: a log of little traffic is idle long before it is due. What the flush age alone does is shown, without a target.
 * All figures are of all regions together: a replicated row costs its units at every replica, a
 * derived row (U, V, T, RC) and a row of the control table (LOG, CUT) once.
 */
import { FOLD_DEFAULTS } from '@meridian/pipeline';
import { nodeHash } from '@meridian/system';
import { PARTITIONS, REGIONS, runHour, type Flush, type Hour, type Sent } from './hour';
import { countNaive } from './naive';
import type { UnitCounter } from './replicas';
import { round, type BenchOptions, type BenchResult, type Target } from './result';
import { sampleEvents } from './sample';

const AS_IT_SHIPS: Setting = { flush: FOLD_DEFAULTS, isJudged: true };
const FLUSH_AGES_MS = [1_000, 10_000, 60_000, 300_000];
/** The sample is 3 events a second in 9 logs; a busy installation has a few in each. */
const CROWD = 12;
const CROWD_FLUSH_AGES_MS = [1_000, 10_000];
const FLOOR_MAX = 1.15;
const NAIVE_MAX = 0.5;

export async function cost({ progress }: BenchOptions): Promise<BenchResult> {
  const runs: Run[] = [];
  const alone = FLUSH_AGES_MS.slice(1).map((flushAgeMs): Setting => ({ flush: { ...FOLD_DEFAULTS, flushAgeMs }, isJudged: false }));
  const plan = [[1, [AS_IT_SHIPS, ...FLUSH_AGES_MS.map(both), ...alone]], [CROWD, [AS_IT_SHIPS, ...CROWD_FLUSH_AGES_MS.map(both)]]] as const;
  for (const [copies, settings] of plan) {
    const sent = crowd(copies);
    for (const setting of settings) {
      progress(`cost: ${sent.length} events, ${nameOf(setting.flush)}`);
      runs.push(runOf(sent, await runHour(sent, setting.flush), { copies, setting }));
    }
  }
  return {
    bench: 'cost',
    conditions: {
      stores: 'in memory, on virtual time',
      settings: { MERIDIAN_FLUSH_AGE_MS: 'flushAgeMs of each row', MERIDIAN_FLUSH_IDLE_MS: 'flushIdleMs of each row', MERIDIAN_SAMPLE_STALE_MS: '60000, or three flush ages when that is more' },
    },
    figures: { unit: 'write units per event, all regions together', regions: REGIONS.length, partitions: PARTITIONS, runs: runs.map(({ isJudged: _isJudged, ...figures }) => figures) },
    targets: runs.filter(({ isJudged }) => isJudged).flatMap(targetsOf),
  };
}

interface Setting {
  readonly flush: Flush;
  /** Whether there is a target for it. */
  readonly isJudged: boolean;
}

/** Both the flush age and the idle time. */
function both(ms: number): Setting {
  return { flush: { flushAgeMs: ms, flushIdleMs: ms }, isJudged: true };
}

function nameOf({ flushAgeMs, flushIdleMs }: Flush): string {
  return `flush age ${flushAgeMs / 1_000} s, idle ${flushIdleMs / 1_000} s`;
}

interface Run extends Flush {
  readonly isJudged: boolean;
  /** How many times the sample's own traffic. */
  readonly times: number;
  readonly events: number;
  readonly cuts: number;
  readonly perEvent: Readonly<Record<string, number>>;
  readonly total: number;
  readonly floor: number;
  readonly naive: number;
  readonly toFloor: number;
  readonly toNaive: number;
}

function runOf(sent: readonly Sent[], hour: Hour, { copies, setting: { flush: { flushAgeMs, flushIdleMs }, isJudged } }: { readonly copies: number; readonly setting: Setting }): Run {
  const events = sent.length;
  const perEvent = (units: number): number => units / events;
  const naive = countNaive(sent.map(({ event }) => event), REGIONS.length).total;
  const floor = floorOf(hour, flushAgeMs);
  const evidence = unitsOf(hour.counter, 'S') + unitsOf(hour.counter, 'M') + unitsOf(hour.counter, 'P');
  const kinds = [...hour.counter.byKind].sort(([, a], [, b]) => b - a);
  return {
    flushAgeMs, flushIdleMs, isJudged, times: copies, events, cuts: hour.cuts,
    perEvent: Object.fromEntries(kinds.map(([kind, units]) => [kind, round(perEvent(units), 4)])),
    total: round(perEvent(hour.counter.total), 3), floor: round(perEvent(floor), 3), naive: round(perEvent(naive), 3),
    toFloor: round(evidence / floor, 3), toNaive: round(hour.counter.total / naive, 3),
  };
}

function unitsOf({ byKind }: UnitCounter, kind: string): number {
  return byKind.get(kind) ?? 0;
}

function targetsOf({ times, toFloor, toNaive, ...flush }: Run): Target[] {
  const where = `${nameOf(flush)}${times > 1 ? `, ${times} × the traffic` : ''}`;
  return [
    { name: `deltas + manifests to the floor, ${where}`, is: toFloor, atMost: FLOOR_MAX },
    { name: `all kinds to the naive design, ${where}`, is: toNaive, atMost: NAIVE_MAX },
  ];
}

/**
 * One write of 1 KiB, at every replica, per session and flush window. A log's window opens with the first event it
 * accepts when none is open, and closes after the flush age.
 */
function floorOf({ accepted }: Hour, flushAgeMs: number): number {
  const windows = new Map<string, { until: number; readonly sessions: Set<string> }>();
  let writes = 0;
  for (const { at, log, session } of accepted) {
    let window = windows.get(log);
    if (!window || at >= window.until) windows.set(log, (window = { until: at + flushAgeMs, sessions: new Set() }));
    if (!window.sessions.has(session)) writes++;
    window.sessions.add(session);
  }
  return writes * REGIONS.length;
}

/** So many copies of the sample's hour at once, each session with a region of its own. */
function crowd(copies: number): Sent[] {
  const sent = sampleEvents().flatMap((one) =>
    Array.from({ length: copies }, (_, copy): Sent => {
      const suffix = copy === 0 ? '' : `-${copy}`;
      const event = { ...one, id: `${one.id}${suffix}`, session: `${one.session}${suffix}` };
      return { event, region: REGIONS[nodeHash.text(event.session).charCodeAt(0) % REGIONS.length] as string };
    }),
  );
  return sent.sort((a, b) => a.event.time - b.event.time);
}
