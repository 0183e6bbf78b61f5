/**
 * What is known of the log between its rows: its incarnation, the epoch of this opening, and where each partition ends.
 * All of it is read from the rows at every opening, so that offsets stay dense whatever became of a failed write.
 */
import { randomUUID } from 'node:crypto';
import { EventLogError, type Extent, type Incarnation } from '@meridian/event-log';
import { decodeHead } from './block';
import type { Level } from '@meridian/level';
import { blockBase, blockKey, EPOCH_KEY, META_KEY } from './keys';

/** Version of the layout of keys and blocks. */
const FORMAT = 1;

export interface Partition extends Extent {
  /** Of its last record, ms since the epoch. */
  readonly time: number;
}

export interface LogState {
  readonly incarnation: Incarnation;
  /** Goes up by one at every opening. */
  readonly epoch: number;
  readonly partitions: Partition[];
}

export async function loadState(level: Level, wanted: Pick<Incarnation, 'topic' | 'partitions'>): Promise<LogState> {
  const incarnation = await loadIncarnation(level, wanted);
  const epoch = ((await level.get(EPOCH_KEY))?.readUInt32BE() ?? -1) + 1;
  const stored = Buffer.alloc(4);
  stored.writeUInt32BE(epoch);
  await level.put(EPOCH_KEY, stored, { sync: true });
  const partitions = await Promise.all(Array.from({ length: incarnation.partitions }, (_, partition) => loadPartition(level, partition)));
  return { incarnation, epoch, partitions };
}

async function loadIncarnation(level: Level, { topic, partitions }: Pick<Incarnation, 'topic' | 'partitions'>): Promise<Incarnation> {
  const stored = await level.get(META_KEY);
  if (!stored) {
    const incarnation = { cluster: randomUUID(), topic, partitions };
    await level.put(META_KEY, Buffer.from(JSON.stringify({ format: FORMAT, ...incarnation })), { sync: true });
    return incarnation;
  }
  const { format, ...incarnation } = JSON.parse(stored.toString()) as Incarnation & { readonly format: number };
  refuseUnless(format === FORMAT, `is of format ${format}, and this version reads format ${FORMAT}`);
  refuseUnless(incarnation.topic === topic, `holds topic ${incarnation.topic}, not ${topic}`);
  refuseUnless(incarnation.partitions === partitions, `has ${incarnation.partitions} partitions, not ${partitions}`);
  return incarnation;
}

async function loadPartition(level: Level, partition: number): Promise<Partition> {
  const range = { gte: blockKey(partition, 0), lte: blockKey(partition, Number.MAX_SAFE_INTEGER), limit: 1 };
  const [[first], [last]] = await Promise.all([level.keys(range).all(), level.iterator({ ...range, reverse: true }).all()]);
  if (!first || !last) return { start: 0, end: 0, time: 0 };
  const [key, block] = last;
  const { count, time } = decodeHead(block);
  return { start: blockBase(first), end: blockBase(key) + count, time };
}

function refuseUnless(condition: boolean, what: string): void {
  if (!condition) throw new EventLogError('log_invalid', `the log's directory ${what}`);
}
