/** `npm run bench -- NAME [--json] [--seconds N]`: each figure beside a ceiling measured in the same run. */
import { parseArgs } from 'node:util';
import { accept } from './accept';
import { aggregate } from './aggregate';
import { cost } from './cost';
import { entry } from './entry';
import { fold } from './fold';
import { freshness } from './freshness';
import { ingest } from './ingest';
import { ingestKill } from './ingest-kill';
import { measuredNow, type Measured } from './provenance';
import { query } from './query';
import { reconcile } from './reconcile';
import { report } from './report';
import { isMet, type BenchOptions, type BenchResult } from './result';
import { scale } from './scale';
import { session } from './session';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  fold, entry, session, accept, cost, aggregate, reconcile, scale, query, freshness,
  ingest: (options) => (options.kills === undefined ? ingest(options) : ingestKill(options.kills, options)),
};
const USAGE = `Usage: npm run bench -- ${Object.keys(BENCHES).join('|')}|all [--json] [--seconds N] [--kill N]\n       npm run bench -- report FILE…`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, seconds: { type: 'string', default: '20' }, kill: { type: 'string' } },
  });
  const [name, ...files] = positionals;
  if (name === 'report' && files.length > 0) {
    process.stdout.write(report(files));
    return 0;
  }
  const seconds = Number(values.seconds);
  const kills = values.kill === undefined ? undefined : Number(values.kill);
  const names = name === 'all' ? Object.keys(BENCHES) : [name ?? ''];
  if (!names.every((one) => one in BENCHES) || !(seconds > 0) || !(kills === undefined || (Number.isInteger(kills) && kills > 0))) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  let missed = 0;
  for (const one of names) {
    const measured = measuredNow(seconds);
    const result = await (BENCHES[one] as (typeof BENCHES)[string])({ seconds, progress, ...(kills !== undefined && { kills }) });
    progress('');
    process.stdout.write(values.json ? `${JSON.stringify(toJson(measured, result))}\n` : sentences(result));
    missed += result.targets.filter((target) => !isMet(target)).length;
  }
  return missed > 0 ? 1 : 0;
}

function toJson(measured: Measured, { bench, conditions, figures, targets }: BenchResult): object {
  return { bench, measured, conditions, ...figures, targets: targets.map((target) => ({ ...target, met: isMet(target) })) };
}

function sentences({ bench, figures, targets }: BenchResult): string {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
  for (const target of targets) {
    const bound = target.atMost === undefined ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
    lines.push(`  ${isMet(target) ? 'met' : 'MISSED'}: ${target.name} ${target.is}, ${bound}`);
  }
  return `${bench}\n${lines.join('\n')}\n`;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
