/**
 * `reconcile`: sessions per second that reconciliation brings to the next cut, two events each, over the memory ledger:
 * when none, a tenth and all of them have entries of two regions, whose duplicates it has to look for.
 */
import { MemoryLedger } from '@meridian/ledger';
import { Installation, usageEvent } from './installation';
import { round, type BenchOptions, type BenchResult } from './result';
import { median } from './rounds';

const REGIONS = ['eu-west-1', 'us-east-1'] as const;
const SHARES = [0, 0.1, 1];
const SESSIONS = 10_000;
const ROUNDS = 5;

export async function reconcile({ progress }: BenchOptions): Promise<BenchResult> {
  const rates = new Map<number, number[]>(SHARES.map((share) => [share, []]));
  for (let number = 0; number <= ROUNDS; number++) {
    for (const share of SHARES) {
      progress(`reconcile: round ${number} of ${ROUNDS}, ${share * 100} %`);
      const rate = await measure(share);
      // The first round warms up.
      if (number > 0) rates.get(share)?.push(rate);
    }
  }
  const multiStream = SHARES.map((share) => ({ percent: share * 100, sessionsPerSecond: round(median(rates.get(share) ?? [])) }));
  return { bench: 'reconcile', conditions: { stores: 'in memory, one replica for both regions', settings: {} }, figures: { sessions: SESSIONS, eventsPerSession: 2, multiStream }, targets: [] };
}

async function measure(share: number): Promise<number> {
  const installation = await Installation.open({ regions: REGIONS, ledger: new MemoryLedger(), control: new MemoryLedger() });
  const numbers = Array.from({ length: SESSIONS }, (_, number) => number);
  const isMulti = (number: number): boolean => number % 100 < share * 100;
  const eventOf = (number: number, turn: number) => usageEvent('bench', `session-${String(number).padStart(7, '0')}`, `call-${number}-${turn}`);
  await installation.fold(REGIONS[0], numbers.flatMap((number) => (isMulti(number) ? [eventOf(number, 0)] : [eventOf(number, 0), eventOf(number, 1)])));
  await installation.fold(REGIONS[1], numbers.filter(isMulti).map((number) => eventOf(number, 1)));
  await installation.cut();
  const began = performance.now();
  await installation.resolve();
  const rate = SESSIONS / ((performance.now() - began) / 1_000);
  const last = await installation.reader.session('bench', eventOf(SESSIONS - 1, 0).session, { live: false });
  if (last?.events !== 2) throw new RangeError(`the last session has ${last?.events ?? 0} events, not 2`);
  return rate;
}
