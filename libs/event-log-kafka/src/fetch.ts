/**
 * Reads records of one partition from its leader. By kafkajs' own request and decoder, not by its consumer: that one
 * reads only as a member of a group, and goes to the start or the end by itself when an offset is out of range.
 */
import { EventLogError, type LogRecord } from '@meridian/event-log';
import { READ_UNCOMMITTED, type Link } from './link';
import { toRecord } from './record';

const LOG_APPEND_TIME = 1;

export interface Fetch {
  readonly topic: string;
  readonly partition: number;
  /** First offset to answer. */
  readonly offset: number;
  /** The broker answers one batch at least, however small this is. */
  readonly bytesMax: number;
  /** How long the broker waits for a record when there is none. */
  readonly waitMs: number;
}

/** Without gaps; empty when nothing came in time. Rejects with what kafkajs says: the link is then to be closed. */
export async function fetchRecords(link: Link, { topic, partition, offset, bytesMax, waitMs }: Fetch): Promise<readonly LogRecord[]> {
  const leader = await link.leader(partition);
  const { responses } = await leader.fetch({
    isolationLevel: READ_UNCOMMITTED,
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: bytesMax }] }],
  });
  const messages = responses[0]?.partitions[0]?.messages ?? [];
  const records: LogRecord[] = [];
  for (const message of messages) {
    // A batch is answered whole, also what of it lies before the offset.
    if (Number(message.offset) < offset) continue;
    if (message.batchContext.timestampType !== LOG_APPEND_TIME) {
      throw new EventLogError('log_invalid', `record ${partition}:${message.offset} does not carry the broker's append time: topic ${topic} needs message.timestamp.type=LogAppendTime`);
    }
    if (Number(message.offset) !== offset + records.length) {
      throw new EventLogError('log_invalid', `partition ${partition} goes on at ${message.offset} after ${offset + records.length - 1}: topic ${topic} is compacted or written by transactions`);
    }
    records.push(toRecord(partition, message));
  }
  return records;
}
