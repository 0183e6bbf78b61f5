/**
 * `scale`: 10,000, 100,000 and 1,000,000 sessions of one tenant, folded, cut and resolved step by step as they come: time
 * and memory per session must be flat, however many there are already. The memory of the rows, in a ledger in memory, is
 * told from that of the whole process, which has what the services remember beside them: bounded by their settings, which
 * are those they ship with. Each size has a process of its own.
 */
import { setImmediate } from 'node:timers/promises';
import { MemoryLedger } from '@meridian/ledger';
import { FOLD_DEFAULTS } from '@meridian/pipeline';
import { answerParent, runInChild } from './child';
import { Installation, usageEvent } from './installation';
import { round, type BenchOptions, type BenchResult } from './result';

const SIZES = [10_000, 100_000, 1_000_000];
/** Sessions between two cuts. */
const STEP = 1_000;
/** Sessions before what is measured: by then the code is compiled. */
const WARM_UP = 60_000;
/** Sessions measured at least: of a small size as many installations as that takes. */
const SESSIONS_MIN = 100_000;
const SPREAD_MAX = 0.2;
const HEAP_MIB_MAX = 6_144;
const MIB = 1024 * 1024;
/** What the fold may remember of its log's sessions, and 48 MiB: the reacher remembers 200,000 sessions, at a little below 200 bytes each. */
const HELD_MIB_MAX = FOLD_DEFAULTS.stateBytesMax / MIB + 48;

interface Task {
  readonly sessions: number;
}

interface Measured {
  readonly sessions: number;
  readonly foldMicrosPerSession: number;
  readonly resolveMicrosPerSession: number;
  /** Of the rows, in the ledger and the control table. */
  readonly rowBytesPerSession: number;
  /** Of the whole process: the rows, and what is held beside them. */
  readonly bytesPerSession: number;
  /** By one installation, beside the rows. */
  readonly heldMiB: number;
  readonly residentMiB: number;
}

export async function scale({ progress }: BenchOptions): Promise<BenchResult> {
  const sizes: Measured[] = [];
  for (const sessions of SIZES) {
    progress(`scale: ${sessions} sessions`);
    sizes.push(await runInChild<Measured>(__filename, { sessions } satisfies Task, ['--expose-gc', `--max-old-space-size=${HEAP_MIB_MAX}`]));
  }
  const time = spread(sizes.map(({ foldMicrosPerSession, resolveMicrosPerSession }) => foldMicrosPerSession + resolveMicrosPerSession));
  const rows = spread(sizes.map(({ rowBytesPerSession }) => rowBytesPerSession));
  const whole = spread(sizes.map(({ bytesPerSession }) => bytesPerSession));
  const held = Math.max(...sizes.map(({ heldMiB }) => heldMiB));
  return {
    bench: 'scale',
    conditions: { stores: 'in memory, one region', settings: {} },
    figures: { sizes, timeSpread: time, rowMemorySpread: rows, memorySpread: whole },
    targets: [
      { name: 'spread of CPU time per session over the sizes', is: time, atMost: SPREAD_MAX },
      { name: 'spread of the memory of the rows per session over the sizes', is: rows, atMost: SPREAD_MAX },
      { name: 'spread of the memory of the whole process per session over the sizes', is: whole, atMost: SPREAD_MAX },
      { name: 'MiB that an installation holds beside its rows', is: held, atMost: HELD_MIB_MAX },
    ],
  };
}

/** How much the largest is above the smallest. */
function spread(values: readonly number[]): number {
  return round(Math.max(...values) / Math.min(...values) - 1, 3);
}

/** CPU time of this process, µs: another's work on the machine is not ours. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function measure({ sessions }: Task): Promise<Measured> {
  await run(WARM_UP);
  const runs: Run[] = [];
  const before = await memoryInUse();
  while (runs.length * sessions < SESSIONS_MIN) runs.push(await run(sessions));
  for (const one of runs) await assertCounted(one, sessions);
  const all = (await memoryInUse()) - before;
  const residentMiB = round(process.memoryUsage.rss() / MIB);
  for (const one of runs) one.installation = undefined;
  const rows = (await memoryInUse()) - before;
  const total = runs.length * sessions;
  const perSession = (of: (one: Run) => number): number => runs.reduce((sum, one) => sum + of(one), 0) / total;
  return {
    sessions, foldMicrosPerSession: round(perSession(({ foldMicros }) => foldMicros), 1), resolveMicrosPerSession: round(perSession(({ resolveMicros }) => resolveMicros), 1),
    rowBytesPerSession: round(rows / total), bytesPerSession: round(all / total), heldMiB: round((all - rows) / runs.length / MIB, 1), residentMiB,
  };
}

async function assertCounted({ installation }: Run, sessions: number): Promise<void> {
  const last = await installation?.reader.session('bench', nameOf(sessions - 1), { live: false });
  if (last?.events !== 1) throw new RangeError('the last session is not counted');
}

interface Run {
  readonly ledger: MemoryLedger;
  readonly control: MemoryLedger;
  /** Undefined once only its rows are to be left. */
  installation: Installation | undefined;
  readonly foldMicros: number;
  readonly resolveMicros: number;
}

async function run(sessions: number): Promise<Run> {
  const [ledger, control] = [new MemoryLedger(), new MemoryLedger()];
  const installation = await Installation.open({ regions: ['eu-west-1'], ledger, control });
  let [foldMicros, resolveMicros] = [0, 0];
  for (let at = 0; at < sessions; at += STEP) {
    const events = Array.from({ length: STEP }, (_, i) => usageEvent('bench', nameOf(at + i), `call-${at + i}`));
    const began = cpuMicros();
    await installation.fold('eu-west-1', events);
    const folded = cpuMicros();
    await installation.cut();
    await installation.resolve();
    foldMicros += folded - began;
    resolveMicros += cpuMicros() - folded;
  }
  return { ledger, control, installation, foldMicros, resolveMicros };
}

/** In the order in which they come: the memory ledger inserts in the middle at the price of moving what follows. */
function nameOf(number: number): string {
  return `session-${String(number).padStart(8, '0')}`;
}

async function memoryInUse(): Promise<number> {
  // What the last turn still holds is let go of after it.
  for (let turn = 0; turn < 3; turn++) {
    await setImmediate();
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (require.main === module) void answerParent(measure);
