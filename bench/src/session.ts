/**
 * `session`: one session of 10,000, 100,000 and 1,000,000 events, 100 per flush, in two regions, 1 % duplicates: what a
 * flush writes must not grow with the session, and its total must come soon and in little memory. Each size has a
 * process of its own, so that memory is that size's.
 */
import { fork } from 'node:child_process';
import { Cover, logId, ownersSegment, Shapes, total, encodeRecord, type LogId, type SessionDelta } from '@meridian/accounting';
import { MemoryEventLog, type LogRecord } from '@meridian/event-log';
import { keys, MemoryLedger, parseDeltaSk, queryAll } from '@meridian/ledger';
import { FOLD_DEFAULTS, Folder, silentProbe, type Flushed } from '@meridian/pipeline';
import { nodeHash, seededRandom, systemClock } from '@meridian/system';
import { round, type BenchOptions, type BenchResult } from './result';

const SIZES = [10_000, 100_000, 1_000_000];
const FLUSH_EVENTS = 100;
const DUPLICATES = 0.01;
const REGIONS = ['eu-west-1', 'us-east-1'];
const SPREAD_MAX = 0.1;
const TOTAL_SECONDS_MAX = 2;
const RESIDENT_MIB_MAX = 1_024;
const START_MS = Date.UTC(2026, 0, 15, 9);

interface Measured {
  readonly events: number;
  readonly bytesPerEvent: number;
  readonly foldSeconds: number;
  readonly totalSeconds: number;
  readonly residentMiB: number;
  readonly counted: number;
}

export async function session({ progress }: BenchOptions): Promise<BenchResult> {
  const sizes: Measured[] = [];
  for (const size of SIZES) {
    progress(`session: ${size} events`);
    sizes.push(await inChild(size));
  }
  const perEvent = sizes.map(({ bytesPerEvent }) => bytesPerEvent);
  const spread = Math.max(...perEvent) / Math.min(...perEvent) - 1;
  const largest = sizes.at(-1) as Measured;
  return {
    bench: 'session',
    conditions: { stores: 'in memory', settings: {} },
    figures: { sizes, spread: round(spread, 3) },
    targets: [
      { name: 'spread of write bytes per event over the sizes', is: round(spread, 3), atMost: SPREAD_MAX },
      { name: 'seconds for the total of the largest', is: largest.totalSeconds, atMost: TOTAL_SECONDS_MAX },
      { name: 'MiB resident', is: largest.residentMiB, atMost: RESIDENT_MIB_MAX },
    ],
  };
}

function inChild(size: number): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(__filename, [String(size)]);
    child.once('message', (measured) => resolve(measured as Measured));
    child.once('error', reject);
    child.once('exit', (code) => reject(new RangeError(`the process for ${size} events ended with ${code}`)));
  });
}

/** Folds half of the events in each region; a duplicate is sent to the other region, or again to the same. */
async function measure(size: number): Promise<Measured> {
  const random = seededRandom(size);
  const began = performance.now();
  let bytes = 0;
  const probe = { ...silentProbe, flushed: (told: Flushed) => void (bytes += told.bytes) };
  const deltas: SessionDelta[] = [];
  const offsets: { readonly log: LogId; readonly offset: number }[] = [];
  for (const [half, region] of REGIONS.entries()) {
    const log = logId({ region, lineage: 0, partition: 0 });
    const ledger = new MemoryLedger();
    const eventLog = new MemoryEventLog({ incarnation: { cluster: region, topic: 'usage', partitions: 1 }, clock: systemClock });
    const parts = { log: eventLog, ledger, hash: nodeHash, clock: systemClock, probe };
    const folder = new Folder(parts, { partition: 0, log, segments: [ownersSegment(log, 0, region)] }, FOLD_DEFAULTS);
    await folder.open();
    let offset = 0;
    for (let at = half; at < size; at += 2 * FLUSH_EVENTS) {
      const records: LogRecord[] = [];
      for (let i = 0; i < FLUSH_EVENTS && at + 2 * i < size; i++) {
        const isRepeat = random.next() < DUPLICATES && at > 1;
        records.push(record(isRepeat ? Math.floor(random.next() * at) : at + 2 * i, offset++));
      }
      await folder.offer(records);
      await folder.flush();
    }
    offsets.push({ log, offset });
    for await (const row of queryAll(ledger, keys.sessionPk('bench', 'one'), keys.allDeltas, { consistent: true })) {
      deltas.push({ ...parseDeltaSk(row.sk), bytes: row.value });
    }
  }
  const foldSeconds = (performance.now() - began) / 1_000;
  const cut = {
    k: 1, asOf: 0, by: '', lagging: [],
    logs: offsets.map(({ log, offset }) => ({ log, offset, asOf: 0, segments: [ownersSegment(log, 0, log.slice(0, log.indexOf('.')))] })),
  };
  const started = performance.now();
  const sum = total(deltas, new Cover(cut), new Shapes(nodeHash));
  const totalSeconds = (performance.now() - started) / 1_000;
  const residentMiB = process.resourceUsage().maxRSS / 1_024;
  return { events: size, bytesPerEvent: round(bytes / size, 2), foldSeconds: round(foldSeconds, 2), totalSeconds: round(totalSeconds, 3), residentMiB: round(residentMiB), counted: sum.events };
}

function record(number: number, offset: number): LogRecord {
  const time = START_MS + number;
  const value = encodeRecord({
    kind: 'usage', tenant: 'bench', session: 'one', source: 'chat', id: `call-${number}`, time, provider: 'openai', model: 'gpt-4o-mini',
    counted: 'reported', tokens: { input: 700 + (number % 900), cacheRead: 512 * (number % 20), output: 100 + (number % 700) },
  });
  return { partition: 0, offset, value: Buffer.from(value), time, epoch: 0 };
}

if (require.main === module) {
  void measure(Number(process.argv[2])).then((measured) => process.send?.(measured, undefined, {}, () => process.disconnect()));
}
