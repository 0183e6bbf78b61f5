/** Parts of the stack for one bench: in a directory of their own, gone after it, also when it fails or is interrupted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTopic } from '@meridian/event-log-kafka';
import { LedgerError } from '@meridian/ledger';
import { createClient, createTables, DynamoLedger } from '@meridian/ledger-dynamodb';
import { PART_NAMES, Stack, type PartName, type Status } from '@meridian/local';
import { eachLimited } from '@meridian/pipeline';
import { systemRandom } from '@meridian/system';

export interface Parts {
  /** For whatever else the bench keeps on disk. */
  readonly directory: string;
  /** `host:port`; empty without Kafka. */
  readonly broker: string;
  /** URL of DynamoDB Local; empty without it. */
  readonly dynamodb: string;
}

export const REGION = 'bench';
export const TOPIC_PARTITIONS = 6;
/** As `makeTopic` and the stack set it up: `acks=all` waits for the one copy there is, which the broker has not synced to disk. */
export const KAFKA = 'Kafka, one broker, replication factor 1, min.insync.replicas 1';

export function withParts<T>(names: readonly PartName[], use: (parts: Parts) => Promise<T>): Promise<T> {
  return withStack({ parts: names }, ({ kafka, dynamodb }, directory) => use({ directory, broker: kafka[REGION] ?? '', dynamodb: dynamodb[REGION] ?? '' }));
}

/** The parts and the services of one region. */
export function withServices<T>(use: (status: Status) => Promise<T>): Promise<T> {
  return withStack({ parts: PART_NAMES, apps: true }, use);
}

async function withStack<T>(
  options: { readonly parts: readonly PartName[]; readonly apps?: boolean }, use: (status: Status, directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
  const stack = new Stack(join(directory, 'stack'));
  const interruption = Promise.withResolvers<never>();
  const interrupt = (signal: string): void => interruption.reject(new RangeError(`ended by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupt);
  const work = async (): Promise<T> => use(await stack.up({ ...options, regions: [REGION] }), directory);
  try {
    return await Promise.race([work(), interruption.promise]);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeListener(signal, interrupt);
    await stack.reset();
    await rm(directory, { recursive: true, force: true });
  }
}

/** As `meridian topics create` makes it, on one broker. */
export async function makeTopic(broker: string, topic: string): Promise<void> {
  await createTopic({ brokers: [broker], clientId: 'bench' }, { topic, partitions: TOPIC_PARTITIONS, replicationFactor: 1, minInsyncReplicas: 1, retentionMs: 3_600_000 });
}

/** Rows of this size, so many at once, for so long: about what a delta of one entry is. */
const ROW_BYTES = 100;
const WRITES_AT_ONCE = 32;
const COUNT_SECONDS = 3;
/** DynamoDB Local takes any. */
export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

/** Inserts per second into a table of their own that DynamoDB Local answers when nothing else is asked of it. */
export async function countWrites(endpoint: string): Promise<number> {
  const table = 'bench-writes';
  await makeTable(endpoint, table);
  const ledger = new DynamoLedger({ table, region: REGION, endpoint, credentials: CREDENTIALS, random: systemRandom });
  const value = new Uint8Array(ROW_BYTES);
  const began = performance.now();
  const passed = (): number => (performance.now() - began) / 1_000;
  let written = 0;
  function* numbers(): Generator<number> {
    for (let number = 0; passed() < COUNT_SECONDS; number++) yield number;
  }
  await eachLimited(numbers(), WRITES_AT_ONCE, async (number) => {
    try {
      await ledger.insert({ pk: `row-${number}`, sk: 'only', value });
      written++;
    } catch (error) {
      // Overloaded, it answers late or not at all: what it does not answer is not counted.
      if (!(error instanceof LedgerError && error.retryable)) throw error;
    }
  });
  return written / passed();
}

export async function makeTable(endpoint: string, table: string): Promise<void> {
  const client = createClient({ region: REGION, endpoint, credentials: CREDENTIALS, concurrency: 1 });
  await createTables({ region: REGION, clientOf: () => client, tables: [{ name: table }], pointInTimeRecovery: false, deletionProtection: false });
  client.destroy();
}
