/** `npm run test:faults`. Exit 0: nothing lost, double or falsely final, all faults injected. 1: otherwise. 2: usage. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { MeridianError } from '@meridian/accounting';
import { allFaults, only } from './catalogue';
import { FaultsError } from './errors';
import { run, type Report } from './run';

const MINUTES_MAX = 1_440;
const RATE_DEFAULT = 100;

const USAGE = `Usage: npm run test:faults -- [options]

  --minutes N   go on for so long; every fault is injected at least once (default 0: once each)
  --seed S      of the schedule and the load (default: by chance, printed)
  --only A,B    these faults: ${allFaults().map(({ name }) => name).join(', ')}
  --rate N      events per second (default ${RATE_DEFAULT})
  --verbose     say what goes on, also when stderr is no terminal
  --json        one JSON object on stdout, for infra/faults/dist/report.js

Needs Java 17 or newer, and Maven the first time. Built code: npm run build.`;

const options = {
  minutes: { type: 'string', default: '0' },
  seed: { type: 'string' },
  only: { type: 'string' },
  rate: { type: 'string', default: String(RATE_DEFAULT) },
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new FaultsError('faults_usage', (cause as Error).message, { cause });
  }
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > max) throw new FaultsError('faults_usage', `${name} takes a whole number up to ${max}, not ${JSON.stringify(text)}`);
  return value;
}

async function main(args: readonly string[]): Promise<number> {
  const given = read(args);
  if (given.help) {
    console.log(USAGE);
    return 0;
  }
  const faults = only(allFaults(), given.only?.split(',') ?? []);
  const minutes = whole('--minutes', given.minutes, MINUTES_MAX);
  const seed = given.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('--seed', given.seed, 2 ** 31);
  const eventsPerSecond = Math.max(1, whole('--rate', given.rate, 10_000));
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort(new FaultsError('faults_not_possible', `told to stop by ${signal}`)));
  const began = Date.now();
  const say = (line: string): void => {
    if (given.verbose || process.stderr.isTTY || /^(VIOLATION|PROBLEM|seed) /.test(line)) console.error(`${((Date.now() - began) / 1_000).toFixed(1).padStart(7)} ${line}`);
  };
  say(`seed ${seed}`);
  const report = await run({ minutes, seed, faults, eventsPerSecond, say, signal: stopping.signal });
  console.log(given.json ? JSON.stringify(report) : sentences(report));
  return isSound(report) ? 0 : 1;
}

function isSound({ lost, double, falselyFinal, problems, faults }: Report): boolean {
  return lost + double + falselyFinal + problems.length === 0 && Object.values(faults).every(({ secondsToExact }) => secondsToExact !== null);
}

function sentences({ faults, problems, ...report }: Report): string {
  const lines = Object.entries(faults).map(([name, { injected, secondsToExact }]) => `  ${name}: ${injected}×, ${secondsToExact === null ? 'NOT exact again' : `exact and final again after ${secondsToExact} s`}`);
  return [
    `${report.sent} events sent, ${report.acknowledged} acknowledged: ${report.lost} lost, ${report.double} double, ${report.falselyFinal} falsely final (seed ${report.seed}, ${report.minutes} min)`,
    ...lines, ...problems.map((problem) => `  PROBLEM ${problem}`),
  ].join('\n');
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => {
    if (!(error instanceof MeridianError)) throw error;
    console.error(error.code === 'faults_usage' ? `${error.message}\n\n${USAGE}` : `test:faults: ${error.message}`);
    process.exit(error.code === 'faults_usage' ? 2 : 1);
  },
);
