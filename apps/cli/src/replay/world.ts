/**
 * Where a replay takes place: regions of its own, embedded in this process, or services that run elsewhere. Either way
 * the replay talks to them over HTTP and knows no shortcut.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '../client';
import { DataDirectory } from '../data-directory';
import { Embedded } from '../embedded';
import { CliError } from '../errors';
import { DATA_DEFAULT, STACK_DEFAULT } from '../options';
import { paceOf } from '../pace';

export interface World {
  readonly regions: readonly string[];
  readonly ingest: ReadonlyMap<string, Client>;
  readonly readers: ReadonlyMap<string, Client>;
  /** Rejects when a region failed for good. */
  readonly ended: Promise<void>;
  /** Kills an aggregator and starts another; undefined where we do not own them. */
  readonly crash: ((region: string) => Promise<void>) | undefined;
  /** Fold rows written so far; undefined where we cannot count them. */
  readonly writes: (() => number) | undefined;
  close(): Promise<void>;
}

export interface EmbeddedWorldOptions {
  readonly regions: readonly string[] | undefined;
  readonly replicationDelayMs: number;
  readonly seed: number;
  /** Kept; a temporary one is removed at the end when not given. */
  readonly data: string | undefined;
  readonly tenant: string;
}

/** A replay is watched: cuts come quickly. */
const INTERVAL_MS = 500;

export async function openEmbeddedWorld({ regions, replicationDelayMs, seed, data, tenant }: EmbeddedWorldOptions): Promise<World> {
  const directory = new DataDirectory(data === undefined ? await mkdtemp(join(tmpdir(), 'meridian-replay-')) : resolve(data));
  const removeTemporary = async (): Promise<void> => {
    if (data === undefined) await directory.remove();
  };
  try {
    const embedded = await Embedded.open({
      data: directory, layout: regions ? { regions } : {},
      replicationDelayMs, port: 0, pace: paceOf(INTERVAL_MS), logLevel: 'silent', seed,
    });
    const urls = Object.entries(embedded.urls);
    const key = embedded.keys.platform;
    return {
      regions: urls.map(([region]) => region),
      ingest: new Map(urls.map(([region, { ingest }]) => [region, new Client({ url: ingest, key, tenant })])),
      readers: new Map(urls.map(([region, { reconciliation }]) => [region, new Client({ url: reconciliation, key })])),
      ended: embedded.ended,
      crash: (region) => embedded.crashAggregator(region),
      writes: () => embedded.writes,
      close: async () => {
        await embedded.close();
        await removeTemporary();
      },
    };
  } catch (error) {
    await removeTemporary();
    throw error;
  }
}

export interface RemoteWorldOptions {
  readonly to: ReadonlyMap<string, string>;
  readonly read: ReadonlyMap<string, string> | undefined;
  readonly key: string | undefined;
  /** Says where to read, and the key, when the options do not; when it is not given, a default one that runs these regions. */
  readonly data: string | undefined;
  readonly tenant: string;
}

/** The directory, of those that things run on unless they are told otherwise, whose regions are the ones that are named. */
async function directoryOf(to: ReadonlyMap<string, string>): Promise<DataDirectory | undefined> {
  for (const path of [DATA_DEFAULT, STACK_DEFAULT]) {
    const directory = new DataDirectory(resolve(path));
    const running = await directory.running();
    if (running && [...to].every(([region, url]) => running.regions[region]?.ingest === url)) return directory;
  }
  return undefined;
}

export async function openRemoteWorld({ to, read, key: given, data, tenant }: RemoteWorldOptions): Promise<World> {
  const directory = data === undefined ? await directoryOf(to) : new DataDirectory(resolve(data));
  const running = await directory?.running();
  const key = given ?? (await directory?.keys())?.platform;
  if (key === undefined) {
    throw new CliError('usage', '--to needs a platform key', { fix: 'Give it with --key or MERIDIAN_KEY, or name the data directory with --data.' });
  }
  const readers = read ?? (running && new Map(Object.entries(running.regions).map(([region, { reconciliation }]) => [region, reconciliation])));
  if (!readers || readers.size === 0) {
    throw new CliError('usage', '--to needs to know where to read the totals', {
      fix: 'Name the reconciliation services with --read region=url,…, or the data directory of a running `meridian dev` with --data.',
    });
  }
  return {
    regions: [...to.keys()],
    ingest: new Map([...to].map(([region, url]) => [region, new Client({ url, key, tenant })])),
    readers: new Map([...readers].map(([region, url]) => [region, new Client({ url, key })])),
    ended: new Promise(() => undefined),
    crash: undefined,
    writes: undefined,
    close: async () => undefined,
  };
}
