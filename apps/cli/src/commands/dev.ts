/** `meridian dev`: everything for a few regions in one process, on one data directory, until it is stopped. */
import { Command, Option } from 'commander';
import { resolve } from 'node:path';
import { systemClock } from '@meridian/system';
import { DataDirectory } from '../data-directory';
import { Embedded, PARTITIONS_DEFAULT } from '../embedded';
import { DEMO_TENANT } from '../embedded-keys';
import { bold, instant, table } from '../format';
import { DATA_DEFAULT, dataOption, jsonOption, parseInteger, parseRegions, REGIONS_DEFAULT } from '../options';
import { note, print, printJson } from '../output';
import { INTERVAL_DEFAULT_MS, paceOf } from '../pace';
import { stopSignal } from '../until-stopped';

interface Options {
  readonly regions?: string[];
  readonly partitions?: number;
  readonly data: string;
  readonly port: number;
  readonly replicationDelayMs: number;
  readonly intervalMs: number;
  readonly json?: boolean;
}

export const PORT_DEFAULT = 4310;
const PARTITIONS_MAX = 64;
const DELAY_MAX_MS = 3_600_000;
const REPLICATION_DELAY_DEFAULT_MS = 50;

export function regionsOption(): Option {
  const description = `regions, separated by commas (default: those of the data directory, else ${REGIONS_DEFAULT.join(',')})`;
  return new Option('--regions <names>', description).argParser(parseRegions);
}

export function delayOption(): Option {
  return new Option('--replication-delay-ms <n>', 'how long a row of the ledger takes from region to region')
    .argParser(parseInteger(0, DELAY_MAX_MS)).default(REPLICATION_DELAY_DEFAULT_MS);
}

export function portOption(): Option {
  return new Option('--port <n>', 'first port; 0 = any free ones').argParser(parseInteger(0, 65_000)).default(PORT_DEFAULT);
}

export function devCommand(): Command {
  return new Command('dev')
    .description('run all services of a few regions in one process, on embedded stores')
    .addOption(regionsOption())
    .addOption(
      new Option('--partitions <n>', `logs per region, fixed when the data directory is created (default: ${PARTITIONS_DEFAULT})`)
        .argParser(parseInteger(1, PARTITIONS_MAX)),
    )
    .addOption(dataOption('data directory, created when it is not there'))
    .addOption(portOption())
    .addOption(delayOption())
    .addOption(
      new Option('--interval-ms <n>', 'how often buffers are flushed and cuts made')
        .argParser(parseInteger(1, DELAY_MAX_MS)).default(INTERVAL_DEFAULT_MS),
    )
    .addOption(jsonOption())
    .action(runDev);
}

async function runDev({ regions, partitions, data, port, replicationDelayMs, intervalMs, json }: Options): Promise<void> {
  const stopped = stopSignal();
  const directory = new DataDirectory(resolve(data));
  const embedded = await Embedded.open({
    data: directory, port, replicationDelayMs, pace: paceOf(intervalMs), logLevel: 'warn',
    layout: { ...(regions && { regions }), ...(partitions !== undefined && { partitions }) },
  });
  try {
    if (json) printJson({ pid: process.pid, data: directory.path, regions: embedded.urls, keys: embedded.keys });
    else print(welcome(embedded, directory, data));
    const signal = await Promise.race([stopped, embedded.ended]);
    if (!json) note(`${signal ?? 'end'}: closing`);
  } finally {
    await embedded.close();
  }
}

function welcome(embedded: Embedded, directory: DataDirectory, data: string): string {
  const urls = Object.entries(embedded.urls);
  const { keys } = embedded;
  const ingest = urls[0]?.[1].ingest ?? '';
  const rows = urls.map(([region, { ingest, reconciliation, aggregator }]) => [region, ingest, reconciliation, aggregator]);
  const elsewhere = data === DATA_DEFAULT ? '' : ` --data ${directory.shown}`;
  return `
${bold(`Meridian runs in ${urls.length} ${urls.length === 1 ? 'region' : 'regions'} on ${directory.shown}. Ctrl-C stops it.`)}

${table([{ title: 'region' }, { title: 'ingest' }, { title: 'reconciliation' }, { title: 'aggregator' }], rows)}

Keys, kept in ${directory.shown}/keys.json
  tenant ${DEMO_TENANT}   ${keys.demo}
  platform      ${keys.platform}

Send an event, here or to any region, as often as you like: it counts once.

curl -sS ${ingest}/v1/events \\
  -H 'Authorization: Bearer ${keys.demo}' \\
  -H 'Content-Type: application/cloudevents+json' \\
  -d '{"specversion":"1.0","type":"meridian.usage.v1","source":"chat","id":"call-1","subject":"session-1","time":"${instant(systemClock.now())}",
       "data":{"provider":"openai","model":"gpt-4o-mini","tokens":{"input":1200,"cacheRead":512,"output":300}}}'

Then, a moment later:

npx meridian total ${DEMO_TENANT} session-1${elsewhere}
`;
}
