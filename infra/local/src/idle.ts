/**
 * The CPU that an idle aggregator takes, the process that ships, on Kafka and DynamoDB: as it is, and without the guard
 * for the timer spin of kafkajs. Starts the parts it needs at ports of their own, and ends them.
 *
 *     node infra/local/dist/idle.js [--seconds 20] [--json]
 *     → {"partitions":3,"seconds":20,"cpuPercent":{"guarded":0.6,"unguarded":14.2},"target":1,"met":true}
 */
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { StackError } from './errors';
import { startForTests, stopAfterTests, type TestStack } from './testing';

const ROOT = resolve(__dirname, '../../..');
const REGION = 'us-east-1';
const PARTITIONS = 3;
const TARGET_PERCENT = 1;
/** Connecting and compiling are not idling. */
const WARM_UP_MS = 20_000;
const MODES = { guarded: 'as it ships', unguarded: 'without the guard for the timer spin of kafkajs' } as const;
type Mode = keyof typeof MODES;

const run = promisify(execFile);

/** Percent of one core, of a process that has loaded `idle-usage.ts`. */
async function measure(service: ChildProcess, seconds: number): Promise<number> {
  const [before, began] = [await usageMs(service), performance.now()];
  await sleep(seconds * 1_000);
  return ((await usageMs(service)) - before) / (performance.now() - began) * 100;
}

async function usageMs(service: ChildProcess): Promise<number> {
  service.send('usage');
  const [{ user, system }] = (await once(service, 'message')) as [NodeJS.CpuUsage];
  return (user + system) / 1_000;
}

function variables({ kafka, dynamodb }: TestStack): Record<string, string> {
  const endpoint = `endpoint=${dynamodb[REGION]}`;
  return {
    MERIDIAN_REGION: REGION,
    MERIDIAN_PORT: '0',
    LOG_LEVEL: 'info',
    MERIDIAN_EVENT_LOG: `kafka:${kafka[REGION]}`,
    MERIDIAN_LEDGER: `dynamodb:meridian-ledger?${endpoint}`,
    MERIDIAN_CONTROL: `dynamodb:meridian-control?${endpoint}`,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
}

async function idle(mode: Mode, env: Readonly<Record<string, string>>, seconds: number): Promise<number> {
  const execArgv = ['--require', join(__dirname, 'idle-usage.js'), ...(mode === 'unguarded' ? ['--require', join(__dirname, 'idle-unguarded.js')] : [])];
  const service = fork(join(ROOT, 'apps/aggregator/dist/main.js'), { execArgv, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(service, 'exit');
  try {
    await Promise.race([sleep(WARM_UP_MS), ended]);
    if (service.exitCode !== null) throw new StackError('stack_not_started', 'the aggregator has ended: what it said stands above');
    return await measure(service, seconds);
  } finally {
    service.kill('SIGTERM');
    await ended;
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' }, json: { type: 'boolean', default: false } } });
  const seconds = Number(values.seconds);
  try {
    await startForTests(['kafka', 'dynamodb'], [REGION]);
    const env = variables(JSON.parse(process.env['MERIDIAN_TEST_STACK'] ?? '{}') as TestStack);
    const meridian = (...args: string[]): Promise<unknown> => run(process.execPath, [join(ROOT, 'apps/cli/bin/meridian.js'), ...args], { env: { ...process.env, ...env } });
    await meridian('topics', 'create', '--partitions', String(PARTITIONS), '--replication-factor', '1', '--min-isr', '1');
    await meridian('tables', 'create', '--no-backups', '--no-deletion-protection');
    const cpuPercent: Partial<Record<Mode, number>> = {};
    for (const mode of Object.keys(MODES) as Mode[]) {
      cpuPercent[mode] = Math.round((await idle(mode, env, seconds)) * 100) / 100;
      if (!values.json) process.stdout.write(`${cpuPercent[mode].toFixed(2).padStart(6)} % of a core  an idle aggregator of ${PARTITIONS} partitions, ${MODES[mode]}\n`);
    }
    const isMet = (cpuPercent.guarded ?? Infinity) <= TARGET_PERCENT;
    if (values.json) process.stdout.write(`${JSON.stringify({ partitions: PARTITIONS, seconds, cpuPercent, target: TARGET_PERCENT, met: isMet })}\n`);
    return isMet ? 0 : 1;
  } finally {
    await stopAfterTests();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`idle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
