/** Parts of the stack for one bench: in a directory of their own, gone after it, also when it fails or is interrupted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTopic } from '@meridian/event-log-kafka';
import { PART_NAMES, Stack, type PartName, type Status } from '@meridian/local';

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
