/** `meridian demo`: an hour of real conversations through three regions with everything that goes wrong, and the proof. */
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '@meridian/system';
import { DataDirectory } from '../data-directory';
import { openControl } from '../embedded-stores';
import { CliError } from '../errors';
import { bold } from '../format';
import { jsonOption, REGIONS_DEFAULT } from '../options';
import { print, printJson } from '../output';
import { pageOf } from '../replay/report';
import type { Run } from '../replay/run';
import { conclude, replay, type ReplayOptions } from './replay';

const DATA = 'data/demo';
const TENANT = 'demo';
const FILE = 'conversation-hour.csv';
const OPTIONS: Omit<ReplayOptions, 'data' | 'json'> = {
  regions: REGIONS_DEFAULT, roam: 0.2, resend: 0.05, replicationDelayMs: 200, crash: 2, seed: 2, deadlineS: 120,
};

export function demoCommand(): Command {
  return new Command('demo')
    .description(`replay the sample: sessions roam, acknowledgements are lost, aggregators crash; keeps its data in ${DATA}`)
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const file = sampleFile();
      await startAfresh(new DataDirectory(resolve(DATA)));
      if (!json) print(introduction());
      const { report } = await replay(file, { ...OPTIONS, data: DATA, tenant: TENANT }, ({ run, report }) => {
        if (json) printJson(report);
        else print(`${pageOf(run, report, { tenant: TENANT, file: `samples/${FILE}` })}\n\n${next(run)}`);
      });
      conclude(report);
    });
}

function introduction(): string {
  const { roam, resend, replicationDelayMs, crash } = OPTIONS;
  return `An hour of real conversations, as fast as ${REGIONS_DEFAULT.length} regions take it: between two events a session moves with probability ${roam},
an acknowledgement is lost and the event sent again elsewhere with probability ${resend}, the ledger replicates ${replicationDelayMs} ms late,
and ${crash} aggregators are killed on the way.
`;
}

/** A session worth a look: met in several logs, short enough to read. */
function next({ settlement }: Run): string {
  const READABLE_EVENTS = 6;
  const sessions = [...(settlement.views[0]?.sessions ?? [])];
  const roamed = sessions.filter(([, { streams }]) => streams > 1);
  const [session = ''] = roamed.find(([, { events, streams }]) => events > 2 && events <= READABLE_EVENTS && streams > 2) ?? roamed[0] ?? sessions[0] ?? [];
  return `${bold('What you can try next')}
npx meridian explain ${TENANT} ${session} --data ${DATA}
npx meridian usage ${TENANT} --group region --data ${DATA}`;
}

function sampleFile(): string {
  const file = resolve(__dirname, '../../../../samples', FILE);
  if (existsSync(file)) return file;
  throw new CliError('file_invalid', `there is no sample at ${file}`, { fix: 'Run the demo from a clone of the repository, or replay a file of your own.' });
}

/** The directory is the demo's own: emptied, unless someone runs on it or it holds something else. */
async function startAfresh(data: DataDirectory): Promise<void> {
  if (!existsSync(data.path)) return;
  const names = await readdir(data.path);
  if (names.length > 0 && !existsSync(join(data.path, 'layout.json')) && !existsSync(data.control)) {
    throw new CliError('data_invalid', `${data.shown} holds something that is not Meridian's`, { fix: 'Move it away: the demo starts in an empty directory.' });
  }
  const control = await openControl(data, systemClock);
  await control.close();
  await data.remove();
}
