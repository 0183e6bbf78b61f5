/** `meridian rerun`: derive a scope again from its evidence, name every row that differed, restore it. */
import { Command, Option } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobJson } from '../api';
import { segment, type Client } from '../client';
import { connected } from '../connection';
import { CliError, EXIT } from '../errors';
import { count, facts, table } from '../format';
import { parseInstant, parseTenant, withConnection, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';
import { startProgress } from '../progress';

interface Options extends ConnectionOptions {
  readonly tenant: string;
  readonly session?: string;
  readonly from?: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

const POLL_INTERVAL_MS = 200;
/** Differences shown to a person; `--json` has what the service kept. */
const SHOWN_MAX = 20;

export function rerunCommand(): Command {
  const command = new Command('rerun')
    .description('derive totals and usage again from deltas and manifests; 0 changes is the expected answer')
    .addOption(new Option('--tenant <tenant>', 'tenant').argParser(parseTenant).makeOptionMandatory())
    .addOption(new Option('--session <session>', 'only this session').conflicts(['from', 'to']))
    .addOption(new Option('--from <time>', 'only usage from this hour on').argParser(parseInstant))
    .addOption(new Option('--to <time>', 'only usage before this hour').argParser(parseInstant))
    .option('--dry-run', 'name what differs, change nothing')
    .option('--wait', 'wait for the result (default)', true)
    .option('--no-wait', 'print the id of the job and leave');
  return withConnection(command).action(async (options: Options) => {
    await connected(options, async (client) => {
      const job = await submit(client, options);
      if (options.json) printJson(job);
      else print(jobText(job));
      if (job.state === 'failed') throw new CliError('request_refused', `job ${job.id} failed: ${job.error?.message ?? ''}`);
      if ((job.result?.changes ?? 0) > 0) process.exitCode = EXIT.drift;
    });
  });
}

async function submit(client: Client, { tenant, session, from, to, dryRun = false, wait }: Options): Promise<JobJson> {
  let job = await client.post<JobJson>('/v1/jobs', { kind: 'resolve', scope: { tenant, session, from, to }, dryRun });
  if (!wait) return job;
  let progress: ReturnType<typeof startProgress> | undefined;
  let phase = '';
  while (job.state === 'queued' || job.state === 'running') {
    await sleep(POLL_INTERVAL_MS);
    job = await client.get<JobJson>(`/v1/jobs/${segment(job.id)}`);
    if (job.progress && job.progress.phase !== phase) {
      progress?.stop();
      phase = job.progress.phase;
      progress = startProgress(phase, job.progress.total);
    }
    progress?.update(job.progress?.done ?? 0);
  }
  progress?.stop();
  return job;
}

function jobText({ id, region, state, dryRun, result }: JobJson): string {
  if (!result) return facts([['job', id], ['region', region], ['state', state]]);
  const { cut, sessions, rows, changes, differences } = result;
  const consequence = dryRun ? 'nothing was changed' : 'and were restored';
  const verdict = changes === 0 ? '0 changes: every row says what the evidence says' : `${count(changes)} rows differed, ${consequence}`;
  const text = facts([
    ['job', id], ['region', region], ['cut', String(cut)], ['compared', `${count(rows)} rows of ${count(sessions)} sessions`], ['result', verdict],
  ]);
  if (differences.length === 0) return text;
  const shown = differences
    .slice(0, SHOWN_MAX)
    .map(({ row, pk, sk, problem, stored, expected }) => [row, problem, `${pk} ${sk}`, JSON.stringify(stored), JSON.stringify(expected)]);
  const more = changes > shown.length ? `\nand ${count(changes - shown.length)} more` : '';
  return `${text}\n\n${table([{ title: 'row' }, { title: 'problem' }, { title: 'key' }, { title: 'stored' }, { title: 'expected' }], shown)}${more}`;
}
