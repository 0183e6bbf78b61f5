import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { partitionOf } from './accept';

/** What Kafka's own Java producer answers; how it was asked stands in the file. */
const golden = JSON.parse(readFileSync(join(__dirname, 'partition.golden.json'), 'utf8')) as {
  readonly vectors: readonly { readonly key: string; readonly murmur2: number; readonly partitions: Readonly<Record<string, number>> }[];
};

/** Hashes from Apache Kafka's own test of its partitioner, org.apache.kafka.common.utils.UtilsTest.testMurmur2. */
const KAFKA_MURMUR2: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('the partition of a session', () => {
  it.each(KAFKA_MURMUR2)('is the one Kafka would choose for the key %s', (key, hash) => {
    for (const partitions of [1, 3, 7, 64]) expect(partitionOf(key, partitions)).toBe((hash & 0x7fffffff) % partitions);
  });

  it.each(golden.vectors)('is the one that the Java producer chooses for the key $key', ({ key, murmur2, partitions }) => {
    for (const [count, partition] of Object.entries(partitions)) expect(partitionOf(key, Number(count))).toBe(partition);
    expect(partitionOf(key, 2 ** 31)).toBe(murmur2 & 0x7fffffff);
  });
});
