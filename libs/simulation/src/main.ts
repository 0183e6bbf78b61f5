/**
 * `npm run sim`: many seeds of the product as it is, then every defence taken out until a seed catches it.
 * Work is shared by as many threads as there are cores; progress goes to a terminal's stderr only.
 */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { runSeed, type RunResult } from './run';
import { SWITCHES, type SwitchName } from './switches';

/** A switch must be caught within this many seeds. */
const SWITCH_SEEDS = 300;
/** Failing seeds told in detail. */
const TOLD_MAX = 10;

interface Task {
  readonly seed: number;
  readonly without: SwitchName | undefined;
}

interface Done {
  readonly task: Task;
  readonly result: RunResult;
}

interface SwitchReport {
  readonly seeds: number;
  readonly failed: number;
  readonly firstFailingSeed: number | null;
}

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly switches: readonly SwitchName[];
  readonly isJson: boolean;
  /** Show the whole trace of one seed. */
  readonly isTrace: boolean;
}

const USAGE = `Usage: npm run sim -- [--seeds N] [--from S] [--switch NAME|all|none] [--trace] [--json]

  --seeds N      seeds of the product as it is (default 200)
  --from S       first seed (default 1)
  --switch NAME  which defence to take out, ${SWITCH_SEEDS} seeds at most each (default all): ${Object.keys(SWITCHES).join(', ')}
  --trace        with --seeds 1: print everything that happened
  --json         one JSON object on stdout

Exit 0: no seed failed and every switch was caught. 1: otherwise. 2: usage.`;

/** Threads that run seeds; results come in any order, a seed's result is always the same. */
class Pool {
  private readonly workers: Worker[];

  constructor(threads: number) {
    this.workers = Array.from({ length: threads }, () => new Worker(__filename));
  }

  /** Runs tasks as `next` hands them out, until it has no more. */
  async run(next: () => Task | undefined, done: (done: Done) => void): Promise<void> {
    await Promise.all(
      this.workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            const give = (): void => {
              const task = next();
              if (task) worker.postMessage(task);
              else {
                worker.off('message', take);
                worker.off('error', reject);
                resolve();
              }
            };
            const take = (message: Done): void => {
              done(message);
              give();
            };
            worker.on('message', take);
            worker.on('error', reject);
            give();
          }),
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

function parse(argv: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string', default: '200' }, from: { type: 'string', default: '1' }, switch: { type: 'string', default: 'all' },
        json: { type: 'boolean', default: false }, trace: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return USAGE;
    const seeds = Number(values.seeds);
    const from = Number(values.from);
    if (!Number.isInteger(seeds) || seeds < 0) return `--seeds must be a whole number, got "${values.seeds}"\n\n${USAGE}`;
    if (!Number.isInteger(from) || from < 0) return `--from must be a whole number, got "${values.from}"\n\n${USAGE}`;
    const names = Object.keys(SWITCHES) as SwitchName[];
    if (values.switch !== 'all' && values.switch !== 'none' && !names.includes(values.switch as SwitchName)) return `--switch knows no "${values.switch}"\n\n${USAGE}`;
    const switches = values.switch === 'all' ? names : values.switch === 'none' ? [] : [values.switch as SwitchName];
    return { seeds, from, switches, isJson: values.json, isTrace: values.trace };
  } catch (error) {
    return `${(error as Error).message}\n\n${USAGE}`;
  }
}

class Report {
  failed = 0;
  cutsChecked = 0;
  provisional = 0;
  usageRows = 0;
  readonly failing: RunResult[] = [];

  add(result: RunResult): void {
    this.cutsChecked += result.cutsChecked;
    this.provisional += result.provisional;
    this.usageRows += result.usageRows;
    if (result.failures.length === 0) return;
    this.failed++;
    if (this.failing.length < TOLD_MAX) this.failing.push(result);
  }
}

async function runProduct(pool: Pool, { seeds, from }: Options): Promise<Report> {
  const report = new Report();
  let next = 0;
  await pool.run(
    () => (next < seeds ? { seed: from + next++, without: undefined } : undefined),
    ({ result }) => {
      report.add(result);
      progress(`seeds ${next}/${seeds}, failed ${report.failed}`);
    },
  );
  return report;
}

/** Tries seeds in order until one is caught; with several threads a few more may have been tried by then. */
async function runSwitch(pool: Pool, name: SwitchName, from: number): Promise<SwitchReport> {
  const failing: number[] = [];
  let seeds = 0;
  let next = 0;
  await pool.run(
    () => (next < SWITCH_SEEDS && failing.length === 0 ? { seed: from + next++, without: name } : undefined),
    ({ task, result }) => {
      seeds++;
      if (result.failures.length > 0) failing.push(task.seed);
      progress(`without ${name}: ${seeds} seeds`);
    },
  );
  return { seeds, failed: failing.length, firstFailingSeed: failing.length > 0 ? Math.min(...failing) : null };
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2));
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`);
    return options === USAGE ? 0 : 2;
  }
  if (options.isTrace) {
    const result = await runSeed(options.from, { keepTrace: true });
    process.stdout.write(`${[...result.trace, ...result.failures, `trace ${result.traceHash}`].join('\n')}\n`);
    return result.failures.length > 0 ? 1 : 0;
  }
  const pool = new Pool(availableParallelism());
  const report = await runProduct(pool, options);
  const switches: Partial<Record<SwitchName, SwitchReport>> = {};
  for (const name of options.switches) switches[name] = await runSwitch(pool, name, options.from);
  await pool.close();
  progress('');
  return tell(options, report, switches);
}

function tell(options: Options, report: Report, switches: Readonly<Partial<Record<SwitchName, SwitchReport>>>): number {
  const uncaught = Object.entries(switches).filter(([, one]) => one.failed === 0).map(([name]) => name);
  const { failed, cutsChecked, provisional, usageRows, failing } = report;
  if (options.isJson) process.stdout.write(`${JSON.stringify({ seeds: options.seeds, failed, cutsChecked, provisional, usageRows, switches })}\n`);
  else {
    process.stdout.write(`${options.seeds} seeds, ${failed} failed; ${cutsChecked} cuts checked (${provisional} provisional), ${usageRows} usage rows\n`);
    for (const [name, one] of Object.entries(switches)) {
      process.stdout.write(`without ${name.padEnd(30)} ${one.firstFailingSeed === null ? 'NOT CAUGHT' : `caught by seed ${one.firstFailingSeed}`} (${one.seeds} tried)\n`);
    }
  }
  for (const { seed, failures, trace } of failing) {
    process.stderr.write(`seed ${seed} failed:\n  ${failures.join('\n  ')}\n  last of the trace (all of it: npm run sim -- --trace --from ${seed}):\n    ${trace.slice(-15).join('\n    ')}\n`);
  }
  return failed > 0 || uncaught.length > 0 ? 1 : 0;
}

function work(): void {
  parentPort?.on('message', (task: Task) => {
    void runSeed(task.seed, task.without ? { without: task.without } : {}).then((result) => parentPort?.postMessage({ task, result } satisfies Done));
  });
}

if (isMainThread) {
  void main().then((code) => {
    process.exitCode = code;
  });
} else work();
