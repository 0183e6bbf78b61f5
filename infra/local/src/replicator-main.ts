/**
 * The global-table replicator as a process of its own: of the stack, or of docker-compose. Every option is also an
 * environment variable, `--replicas` as MERIDIAN_REPLICATOR_REPLICAS. Exit 0: told to stop. 1: it could not start. 2: usage.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { MeridianError } from '@meridian/accounting';
import type { Replica } from './replicator/clients';
import { Control } from './replicator/control';
import { StackError } from './errors';
import { HOST } from './ports';
import { Replicator } from './replicator/replicator';

const USAGE = `Usage: node infra/local/dist/replicator-main.js --replicas REGION=URL,REGION=URL [options]

  --tables A,B         tables to replicate (default meridian-ledger)
  --replicas R=URL,…   DynamoDB Local of each region
  --listen HOST:PORT   where GET /health, GET /status and PUT /faults are served (default ${HOST}:0)
  --directory DIR      where it keeps how far it is (default data/replicator)

Each is also an environment variable: MERIDIAN_REPLICATOR_TABLES, _REPLICAS, _LISTEN, _DIRECTORY. AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY are what the services use: DynamoDB Local keeps a database per key id.`;

const options = {
  tables: { type: 'string' },
  replicas: { type: 'string' },
  listen: { type: 'string' },
  directory: { type: 'string' },
  /** By which the stack knows its processes. */
  'meridian.stack': { type: 'string' },
} as const;

type Options = Partial<Record<keyof typeof options, string>>;

function read(args: readonly string[]): Options {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new StackError('stack_invalid', (cause as Error).message, { cause });
  }
}

function settingsOf(given: Options, env: NodeJS.ProcessEnv) {
  const value = (name: keyof Options, otherwise: string): string => given[name] ?? env[`MERIDIAN_REPLICATOR_${name.toUpperCase()}`] ?? otherwise;
  const [, host = HOST, port] = /^(.+):(\d{1,5})$/.exec(value('listen', `${HOST}:0`)) ?? [];
  if (port === undefined) throw new StackError('stack_invalid', '--listen takes HOST:PORT');
  const replicas = value('replicas', '').split(',').map(replicaOf);
  if (new Set(replicas.map(({ region }) => region)).size !== replicas.length) throw new StackError('stack_invalid', '--replicas names a region twice');
  return { replicas, host, port: Number(port), tables: value('tables', 'meridian-ledger').split(','), directory: value('directory', 'data/replicator') };
}

function replicaOf(text: string): Replica {
  const [, region, endpoint] = /^([A-Za-z0-9_-]{1,64})=(https?:\/\/.+)$/.exec(text) ?? [];
  if (region === undefined || endpoint === undefined) throw new StackError('stack_invalid', `--replicas takes REGION=URL,REGION=URL, not ${JSON.stringify(text)}`);
  return { region, endpoint };
}

async function main(): Promise<void> {
  const { replicas, host, port, tables, directory } = settingsOf(read(process.argv.slice(2)), process.env);
  const say = (line: string): void => console.error(`${new Date().toISOString()} ${line}`);
  const replicators = await Promise.all(tables.map((table) => Replicator.start({ table, replicas, directory, say })));
  const control = await Control.start({ host, port, replicators, regions: replicas.map(({ region }) => region) });
  say(`replicating ${tables.join(', ')} between ${replicas.map(({ region }) => region).join(', ')}; listening at ${control.url}`);
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    void control.close().then(() => Promise.all(replicators.map((one) => one.close()))).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

main().catch((error: unknown) => {
  if (!(error instanceof MeridianError)) throw error;
  console.error(`replicator: ${error.message}\n\n${USAGE}`);
  process.exit(2);
});
