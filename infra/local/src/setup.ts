/**
 * What the services need before they start, made by the product's own commands: the ledger and the derived rows in each
 * region, the control table in the first, a topic per region, two API keys. Any number of times.
 */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { controlAddress, derivedAddress, eventLogAddress, ledgerAddress, TOPIC } from './addresses';
import { LOCAL_CREDENTIALS } from './dynamodb';
import { StackError } from './errors';
import { PLAIN_KAFKA } from './kafka';
import type { Layout } from './part';

const run = promisify(execFile);

export interface Keys {
  /** Of the tenant `demo`. */
  readonly demo: string;
  /** Names its tenant in each request; may also run jobs. */
  readonly platform: string;
}

const CLI = resolve(__dirname, '../../../apps/cli/bin/meridian.js');
/** Stores that are named in our own environment are not of this stack. */
const UNNAMED = { MERIDIAN_LEDGER: undefined, MERIDIAN_CONTROL: undefined, MERIDIAN_DERIVED: undefined, MERIDIAN_EVENT_LOG: undefined } as const;
const DEMO_TENANT = 'demo';
const PARTITIONS = 6;
/** Of a topic: there is one broker per region. */
export const TOPIC_REPLICAS = { replicationFactor: 1, minIsr: 1 } as const;
/** A command waits for a broker's or a table's own start-up, on a busy machine. */
const COMMAND_TIMEOUT_MS = 60_000;

export async function createStores(layout: Layout, regions: readonly string[]): Promise<void> {
  const tables = ['tables', 'create', '--stream', '--no-backups', '--no-deletion-protection'];
  const [first] = layout.regions;
  for (const region of regions) {
    const control = region === first ? ['--control', controlAddress(layout)] : [];
    await meridian([...tables, '--ledger', ledgerAddress(layout, region), '--derived', derivedAddress(layout, region), ...control]);
  }
  const { replicationFactor, minIsr } = TOPIC_REPLICAS;
  const topic = ['topics', 'create', '--topic', TOPIC, '--partitions', String(PARTITIONS), '--replication-factor', String(replicationFactor), '--min-isr', String(minIsr)];
  for (const region of regions) await meridian([...topic, '--event-log', eventLogAddress(layout, region)]);
}

/** Put into the first region: replication brings them to the others. */
export async function createKeys(layout: Layout): Promise<Keys> {
  const [first = ''] = layout.regions;
  const create = ['keys', 'create', '--ledger', ledgerAddress(layout, first)];
  const keyOf = async (whose: readonly string[]): Promise<string> => (JSON.parse(await meridian([...create, ...whose])) as { readonly key: string }).key;
  return { demo: await keyOf(['--tenant', DEMO_TENANT]), platform: await keyOf(['--platform']) };
}

async function meridian(args: readonly string[]): Promise<string> {
  await access(CLI).catch((cause: unknown) => {
    throw new StackError('stack_not_started', 'the command line is not built: npm run build', { cause });
  });
  const env = { ...process.env, ...UNNAMED, ...LOCAL_CREDENTIALS, ...PLAIN_KAFKA };
  try {
    return (await run(process.execPath, [CLI, ...args, '--json'], { env, timeout: COMMAND_TIMEOUT_MS })).stdout;
  } catch (cause) {
    const { stderr, stdout, message } = cause as { readonly stderr?: string; readonly stdout?: string; readonly message: string };
    throw new StackError('stack_not_started', `meridian ${args.slice(0, 2).join(' ')} failed: ${`${stderr ?? ''}${stdout ?? ''}`.trim() || message}`, { cause });
  }
}
