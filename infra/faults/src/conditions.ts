/** What a run was made under: what its figures depend on, and what it says nothing about. In its JSON, so that the page has it from there. */
import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import process from 'node:process';
import { promisify } from 'node:util';
import { PACE, TOPIC_REPLICAS, type Status } from '@meridian/local';

export interface Setting {
  readonly value: number;
  /** Of the product (.env.example). */
  readonly default: number;
}

export interface Conditions {
  /** Of the code that ran; `+` at its end: with changes that are not committed. `unknown` outside a clone. */
  readonly commit: string;
  readonly machine: string;
  readonly regions: number;
  readonly brokersPerRegion: number;
  readonly replicationFactor: number;
  readonly minIsr: number;
  /** Asked of all publishers together. */
  readonly eventsPerSecond: number;
  /** What services run with instead of their defaults, by variable. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** Clauses. */
  readonly notTested: readonly string[];
}

/** So that a group notices soon that a member is gone. */
export const SESSION_TIMEOUT = { name: 'MERIDIAN_KAFKA_SESSION_TIMEOUT_MS', ms: 6_000 } as const;

const DEFAULTS: Readonly<Record<string, number>> = {
  [SESSION_TIMEOUT.name]: 30_000,
  MERIDIAN_SAMPLE_INTERVAL_MS: 20_000,
  MERIDIAN_SAMPLE_STALE_MS: 60_000,
};

export const NOT_TESTED: readonly string[] = [
  'power loss: `kill -9` leaves what was written in the page cache, and one broker that has acknowledged has not waited for its disk',
  'another leader: with one broker per region there is no election, and `acks=all` means one copy',
  'the real DynamoDB and its global tables: each region has a DynamoDB Local, and the replicator between them is of this repository',
  'a region without the control table: it is in the first region, and `blackhole-region` of another one leaves it in reach',
];

const run = promisify(execFile);

export async function conditionsOf({ processes }: Pick<Status, 'processes'>, eventsPerSecond: number): Promise<Conditions> {
  const regions = new Set(processes.map(({ region }) => region).filter((region) => region !== '')).size;
  return {
    commit: await commit(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.version}, ${processes.length} processes`,
    regions, brokersPerRegion: processes.filter(({ part }) => part === 'kafka').length / regions, ...TOPIC_REPLICAS, eventsPerSecond, settings: settings(), notTested: NOT_TESTED,
  };
}

/** Throws when the stack sets a number of which the default is not known here. */
export function settings(): Conditions['settings'] {
  const values = { [SESSION_TIMEOUT.name]: String(SESSION_TIMEOUT.ms), ...Object.assign({}, ...Object.values(PACE)) } as Record<string, string>;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => {
    const usual = DEFAULTS[name];
    if (usual === undefined) throw new RangeError(`the default of ${name} is not known: conditions.ts`);
    return [name, { value: Number(value), default: usual }];
  }));
}

async function commit(): Promise<string> {
  const git = async (...args: readonly string[]): Promise<string> => (await run('git', [...args], { cwd: __dirname })).stdout.trim();
  try {
    return `${await git('rev-parse', '--short=12', 'HEAD')}${(await git('status', '--porcelain', '--untracked-files=no')) === '' ? '' : '+'}`;
  } catch {
    // No clone, or no git: the page says so.
    return 'unknown';
  }
}
