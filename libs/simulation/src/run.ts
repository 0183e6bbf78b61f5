/**
 * One run of one seed: a safety phase in which anything may fail and nothing may be wrong, then healing, then a bounded
 * liveness phase after which everything acknowledged is counted. A seed and a commit always give the same trace.
 */
import { Checks } from './checks';
import { Faults, FAULTS_SPAN_MS } from './faults';
import { WORLD_START_MS } from './scheduler';
import { PRODUCT, SWITCHES, type SwitchName } from './switches';
import { simulationHash } from './sim-hash';
import { World } from './world';

export interface RunResult {
  readonly seed: number;
  /** Empty when all held. */
  readonly failures: readonly string[];
  readonly cutsChecked: number;
  readonly provisional: number;
  /** Usage lines compared. */
  readonly usageRows: number;
  readonly events: number;
  /** Of everything that happened, in order. */
  readonly traceHash: string;
  /** The last of what happened; all of it with `keepTrace`. */
  readonly trace: readonly string[];
}

export interface RunOptions {
  readonly without?: SwitchName;
  readonly keepTrace?: boolean;
}

/** After healing, everything must be settled within this, ms of virtual time. */
const LIVENESS_MS = 90_000;
const LIVENESS_STEP_MS = 2_000;
const TRACE_KEPT = 40;

export async function runSeed(seed: number, { without, keepTrace = false }: RunOptions = {}): Promise<RunResult> {
  const trace: string[] = [];
  let traceHash = 0x811c9dc5;
  const note = (what: string): void => {
    const line = `${world.scheduler.now - WORLD_START_MS} ${what}`;
    for (let i = 0; i < line.length; i++) traceHash = Math.imul(traceHash ^ line.charCodeAt(i), 0x01000193);
    trace.push(line);
    if (!keepTrace && trace.length > 2 * TRACE_KEPT) trace.splice(0, TRACE_KEPT);
  };
  const parts = without ? SWITCHES[without] : PRODUCT;
  const world: World = new World(seed, parts, simulationHash, note);
  const checks = new Checks(world, simulationHash);
  const { random, scheduler, failures } = world;
  const events = random.integer(20, 70);
  world.publishers.plan(events, random.integer(2, 6), FAULTS_SPAN_MS);
  new Faults(world, simulationHash).plan();
  world.start();
  await scheduler.run(WORLD_START_MS + FAULTS_SPAN_MS + 2_000, () => failures.length > 0);
  world.heal();
  await settle(world, checks);
  return { seed, failures, cutsChecked: checks.cutsChecked, provisional: checks.provisional, usageRows: checks.usageRows, events, traceHash: (traceHash >>> 0).toString(16), trace };
}

async function settle(world: World, checks: Checks): Promise<void> {
  const { scheduler, failures } = world;
  const deadline = scheduler.now + LIVENESS_MS;
  let waiting: string | undefined = 'publishers are not done';
  while (failures.length === 0 && waiting !== undefined && scheduler.now < deadline) {
    await scheduler.run(scheduler.now + LIVENESS_STEP_MS, () => failures.length > 0);
    waiting = world.publishers.isDone ? await checks.settled() : 'publishers are not done';
  }
  if (failures.length > 0) return;
  if (waiting !== undefined) {
    failures.push(`not settled ${LIVENESS_MS} ms after healing: ${waiting}`);
    return;
  }
  for (const [region, reacher] of world.reachers) if (!world.destroyed.has(region)) await checks.check(region, reacher);
  if (world.parts.hasCounters) await checks.counters();
}
