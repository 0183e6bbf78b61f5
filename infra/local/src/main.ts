/** `npm run stack`: one command on the stack of a directory. Exit 0: done. 1: it could not be. 2: usage. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { MeridianError } from '@meridian/accounting';
import { PART_NAMES, type PartName } from './part';
import { Stack, type Status } from './stack';

const COMMANDS = ['up', 'down', 'status', 'logs', 'reset'] as const;
type Command = (typeof COMMANDS)[number];

const DIRECTORY_DEFAULT = 'data/stack';
const LINES_DEFAULT = 20;

const USAGE = `Usage: npm run stack -- up|down|status|logs|reset [options]

  up        start what is not running, wait until all of it is healthy
  down      stop all of it; what is on disk stays
  status    what runs, and where (exit 1 when something does not)
  logs      the end of every log
  reset     down, and remove what is on disk

  --apps            the services too: per region ingest, two aggregators, reconciliation, from built code
  --regions A,B,C   of which regions (default: those it has, else us-east-1,eu-west-1,ap-southeast-1)
  --parts P,Q       which parts: ${PART_NAMES.join(',')} (default: all)
  --ports N         listen on N, N+1, … (default: free ports, kept from one up to the next)
  --directory DIR   where it keeps everything (default ${DIRECTORY_DEFAULT})
  --lines N         lines of each log (default ${LINES_DEFAULT})
  --json            one JSON object on stdout

With services, Meridian's own commands find it: npx meridian total … --data ${DIRECTORY_DEFAULT}
Needs Java 17 or newer, and Maven the first time.`;

const options = {
  apps: { type: 'boolean', default: false },
  regions: { type: 'string' },
  parts: { type: 'string' },
  ports: { type: 'string' },
  directory: { type: 'string', default: DIRECTORY_DEFAULT },
  lines: { type: 'string', default: String(LINES_DEFAULT) },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

class UsageError extends MeridianError {
  constructor(message: string) {
    super('usage', message, false);
  }
}

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { ...values, positionals };
  } catch (cause) {
    throw new UsageError((cause as Error).message);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const { positionals, apps, regions, parts, ports, directory, lines, json, help } = read(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const command = commandOf(positionals);
  const stack = new Stack(resolve(directory));
  const say = (line: string): void => console.error(line);
  switch (command) {
    case 'up':
      if (apps && parts !== undefined) throw new UsageError('--apps needs all parts: leave --parts out');
      // Its exit status is that of what was asked for: other parts may be stopped.
      show(await stack.up({
        say,
        apps,
        ...(regions !== undefined && { regions: regions.split(',') }),
        ...(parts !== undefined && { parts: partsOf(parts) }),
        ...(ports !== undefined && { portsFrom: whole('--ports', ports) }),
      }), json);
      return 0;
    case 'status':
      return show(await stack.status(), json);
    case 'logs':
      return logs(stack, whole('--lines', lines));
    case 'down':
      await stack.down();
      return done('nothing of it is running', json);
    case 'reset':
      await stack.reset();
      return done('nothing of it is left', json);
  }
}

function commandOf([command, ...rest]: readonly string[]): Command {
  const known = COMMANDS.find((one) => one === command);
  if (known === undefined || rest.length > 0) throw new UsageError(`expected one of ${COMMANDS.join(', ')}`);
  return known;
}

function partsOf(text: string): PartName[] {
  return text.split(',').map((name) => {
    const known = PART_NAMES.find((one) => one === name);
    if (known === undefined) throw new UsageError(`--parts takes ${PART_NAMES.join(', ')}, not ${JSON.stringify(name)}`);
    return known;
  });
}

function whole(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${name} takes a whole number above 0, not ${JSON.stringify(text)}`);
  return Number(text);
}

function show(status: Status, isJson: boolean): number {
  if (isJson) console.log(JSON.stringify(status));
  else if (status.processes.length === 0) console.log('nothing is running: npm run stack -- up');
  else {
    const width = Math.max(...status.processes.map(({ name }) => name.length)) + 2;
    for (const { name, pid, endpoint, isHealthy } of status.processes) {
      console.log(`${name.padEnd(width)}${isHealthy ? `${endpoint} (process ${pid})` : pid === undefined ? 'stopped' : 'not healthy'}`);
    }
    if (status.key !== undefined) console.log(`${'key'.padEnd(width)}${status.key}`);
  }
  return status.processes.length > 0 && status.processes.every(({ isHealthy }) => isHealthy) ? 0 : 1;
}

async function logs(stack: Stack, lines: number): Promise<number> {
  for (const member of (await stack.status()).processes) {
    const file = stack.logFile(member);
    const text = await readFile(file, 'utf8').catch(() => '');
    console.log(`==> ${file}`);
    console.log(text.trimEnd().split('\n').slice(-lines).join('\n'));
  }
  return 0;
}

function done(what: string, isJson: boolean): number {
  console.log(isJson ? JSON.stringify({ done: true }) : what);
  return 0;
}

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`);
    else if (error instanceof MeridianError) console.error(`stack: ${error.message}`);
    else throw error;
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
