/**
 * What a command asks: a reconciliation service that runs, named by options or by the data directory; or, when nothing
 * runs on the data directory, one started here over the region's replica for as long as the command takes.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoverageJson } from './api';
import { Client } from './client';
import { DataDirectory, type RegionUrls } from './data-directory';
import { CliError } from './errors';
import type { ConnectionOptions } from './options';
import { note } from './output';
import { startReadOnly } from './read-only';

/** Between two looks at whether the files are loaded; after so many the answer is given as it is. */
const LOAD_INTERVAL_MS = 20;
const LOAD_ATTEMPTS_MAX = 500;

export interface Connection {
  readonly client: Client;
  close(): Promise<void>;
}

/** Runs `act` with a connection, and closes it whatever happens. */
export async function connected<T>(options: ConnectionOptions, act: (client: Client) => Promise<T>): Promise<T> {
  const connection = await connect(options);
  try {
    return await act(connection.client);
  } finally {
    await connection.close();
  }
}

async function connect(options: ConnectionOptions): Promise<Connection> {
  const data = new DataDirectory(resolve(options.data));
  const keys = await data.keys();
  const key = options.key ?? keys?.platform;
  const nothingToClose = async (): Promise<void> => undefined;
  if (options.url !== undefined) {
    if (key === undefined) throw new CliError('usage', '--url needs a key', { fix: 'Give it with --key or MERIDIAN_KEY.' });
    return { client: new Client({ url: options.url, key }), close: nothingToClose };
  }
  const running = await data.running();
  const regions = running ? Object.keys(running.regions) : (await data.layout())?.regions;
  if (!regions || key === undefined) {
    throw new CliError('not_running', `there is no Meridian in ${data.shown}`, {
      fix: 'Start one with `npx meridian dev`, name its directory with --data, or name a service with --url and --key.',
    });
  }
  const region = regionOf(regions, options.region, data);
  if (running) return { client: new Client({ url: (running.regions[region] as RegionUrls).reconciliation, key }), close: nothingToClose };
  note(`Nothing runs on ${data.shown}: reading region ${region} from its files.`);
  const service = await startReadOnly(data, region);
  const client = new Client({ url: service.url, key });
  await untilLoaded(client);
  return { client, close: () => service.close() };
}

/** The service answers before it has looked at its logs. */
async function untilLoaded(client: Client): Promise<void> {
  for (let attempt = 0; attempt < LOAD_ATTEMPTS_MAX; attempt++) {
    const { logs } = await client.get<CoverageJson>('/v1/coverage');
    if (logs.length > 0) return;
    await sleep(LOAD_INTERVAL_MS);
  }
}

function regionOf(regions: readonly string[], asked: string | undefined, data: DataDirectory): string {
  const region = asked ?? regions[0];
  if (region !== undefined && regions.includes(region)) return region;
  throw new CliError('usage', `${data.shown} has no region ${asked ?? ''}`, { fix: `It has: ${regions.join(', ')}.` });
}
