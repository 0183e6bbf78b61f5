/** `meridian replay`: a file of conversations through several regions, and whether the totals are exact. */
import { Command, Option } from 'commander';
import { seededRandom, systemClock } from '@meridian/system';
import { EXIT, CliError } from '../errors';
import { parseInteger, parseProbability, parseRegionUrls, parseTenant, jsonOption } from '../options';
import { note, print, printJson } from '../output';
import { checkConversation } from '../replay/conversation';
import { pageOf, reportOf, type ReplayReport } from '../replay/report';
import { run, type Run } from '../replay/run';
import { openEmbeddedWorld, openRemoteWorld, type World } from '../replay/world';
import { reasonText } from '../claim';
import { stopSignal } from '../until-stopped';
import { delayOption, regionsOption } from './dev';

export interface ReplayOptions {
  readonly regions?: readonly string[];
  readonly roam: number;
  readonly resend: number;
  readonly replicationDelayMs: number;
  readonly crash: number;
  readonly seed: number;
  readonly data?: string;
  readonly to?: ReadonlyMap<string, string>;
  readonly read?: ReadonlyMap<string, string>;
  readonly key?: string;
  readonly tenant?: string;
  readonly deadlineS: number;
  readonly json?: boolean;
}

const SEED_MAX = 2 ** 32 - 1;
const CRASHES_MAX = 1_000;
const DEADLINE_DEFAULT_S = 120;
const DEADLINE_MAX_S = 86_400;

export function replayCommand(): Command {
  return new Command('replay')
    .description('send a file of conversations through several regions, and compare the totals with the file')
    .argument('<file.csv>', 'columns offset_ms, session, input_tokens, cached_input_tokens, output_tokens')
    .addOption(regionsOption())
    .addOption(new Option('--roam <p>', 'probability that a session moves to another region between two events').argParser(parseProbability).default(0))
    .addOption(
      new Option('--resend <p>', 'probability that an acknowledgement counts as lost: the event is sent again, elsewhere')
        .argParser(parseProbability).default(0),
    )
    .addOption(delayOption())
    .addOption(new Option('--crash <n>', 'kill and restart an aggregator so many times on the way').argParser(parseInteger(0, CRASHES_MAX)).default(0))
    .addOption(new Option('--seed <n>', 'of everything left to chance').argParser(parseInteger(0, SEED_MAX)).default(1))
    .addOption(new Option('--data <dir>', 'keep the data here (default: a temporary directory, removed at the end); with --to: where urls and key are read (default: what runs these regions in data/dev or data/stack)'))
    .addOption(
      new Option('--to <urls>', 'use running services: region=url,… of their ingest')
        .argParser(parseRegionUrls).conflicts(['regions', 'crash', 'replicationDelayMs']),
    )
    .addOption(new Option('--read <urls>', 'with --to: region=url,… of their reconciliation').argParser(parseRegionUrls))
    .addOption(new Option('--key <key>', 'with --to: a platform key').env('MERIDIAN_KEY'))
    .addOption(new Option('--tenant <tenant>', 'tenant of the events (default: a new one)').argParser(parseTenant))
    .addOption(
      new Option('--deadline-s <n>', 'give up when the totals are not final and nothing has moved for this long')
        .argParser(parseInteger(1, DEADLINE_MAX_S)).default(DEADLINE_DEFAULT_S),
    )
    .addOption(jsonOption())
    .action(async (file: string, options: ReplayOptions) => {
      const tenant = options.tenant ?? newTenant();
      const { report } = await replay(file, { ...options, tenant }, (done) => {
        if (options.json) printJson(done.report);
        else print(pageOf(done.run, done.report, { tenant, file }));
      });
      conclude(report);
    });
}

export interface Replayed {
  readonly run: Run;
  readonly report: ReplayReport;
}

/** `onDone` comes before the world is closed: the answer need not wait for that. */
export async function replay(file: string, options: ReplayOptions & { readonly tenant: string }, onDone: (done: Replayed) => void): Promise<Replayed> {
  // Before a world is opened: a file that is wrong costs nothing.
  const conversation = await checkConversation(file);
  const stopped = stopSignal();
  const world = await openWorld(options);
  const abandoned = new AbortController();
  try {
    const { seed, roam, resend, crash, tenant, deadlineS } = options;
    const running = run(world, conversation, {
      file, tenant, roam, resend, crashes: crash, deadlineMs: deadlineS * 1_000, clock: systemClock, signal: abandoned.signal,
      random: { roam: seededRandom(seed), crash: seededRandom(seed + 1), backoff: seededRandom(seed + 2) },
    });
    const result = await Promise.race([running, world.ended.then(() => undefined), stopped]);
    if (result === undefined || typeof result === 'string') throw new CliError('service_stopped', `the replay was stopped (${result ?? 'its regions ended'})`);
    const done = { run: result, report: reportOf(result) };
    onDone(done);
    for (const difference of [...result.differences.values()].flat()) note(difference);
    return done;
  } finally {
    abandoned.abort();
    await world.close();
  }
}

/** Sets the exit code, and says why it is not 0. */
export function conclude({ exact, status, reasons }: ReplayReport): void {
  if (exact && status === 'final') return;
  process.exitCode = EXIT.drift;
  if (status === 'final') {
    note('meridian: the totals are not what the file says. This is a defect of Meridian: keep the data directory (--data) and report it.');
    return;
  }
  const what = exact ? 'every number is exact, but not final' : 'the totals are not complete';
  const why = reasons.map(reasonText).join('; ') || 'the cut does not cover every acknowledged event';
  note(`meridian: ${what}, and nothing moved any more: ${why}. Look at \`meridian coverage\`, or give --deadline-s more.`);
}

async function openWorld({ to, read, key, data, tenant, regions, replicationDelayMs, seed }: ReplayOptions & { readonly tenant: string }): Promise<World> {
  if (to) return openRemoteWorld({ to, read, key, data, tenant });
  if (read) throw new CliError('usage', '--read goes with --to', { fix: 'Add --to region=url,… or leave --read out.' });
  return openEmbeddedWorld({ regions, replicationDelayMs, seed, data, tenant });
}

/** A run never meets an earlier one. */
function newTenant(): string {
  return `replay-${systemClock.now().toString(36)}-${process.pid.toString(36)}`;
}
