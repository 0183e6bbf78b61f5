/**
 * Reads records of one partition from its leader. By kafkajs' own request, not by its consumer: that one reads only as a
 * member of a group, and goes to the start or the end by itself when an offset is out of range.
 */
import { EventLogError, type LogRecord } from '@meridian/event-log';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { requests } from 'kafkajs/src/protocol/requests';
import { readBatches, type Source } from './batches';
import { READ_UNCOMMITTED, type Link } from './link';

const FETCH = 1;
const REPLICA_NONE = -1;

/** Versions of the answer from which on it has batches, where the log starts, a session, and a replica to prefer. */
const WITH_BATCHES = 4;
const WITH_LOG_START = 5;
const WITH_SESSION = 7;
const WITH_CLIENT_THROTTLE = 8;
const WITH_PREFERRED_REPLICA = 11;
/** Of a transaction that was aborted: its producer and its first offset. */
const ABORTED_BYTES = 16;

export interface Fetch extends Source {
  /** The broker answers one batch at least, however small this is. */
  readonly bytesMax: number;
  /** How long the broker waits for a record when there is none. */
  readonly waitMs: number;
}

interface Answer {
  readonly errorCode: number;
  /** Batches. */
  readonly bytes: Buffer;
  /** kafkajs waits so long before its next request, ms. */
  readonly clientSideThrottleTime?: number;
}

/** Without gaps; empty when nothing came in time. Rejects with what kafkajs says: the link is then to be closed. */
export async function fetchRecords(link: Link, { topic, partition, offset, bytesMax, waitMs }: Fetch): Promise<readonly LogRecord[]> {
  const leader = await link.leader(partition);
  const exchange = leader.lookupRequest(FETCH, requests.Fetch)({
    replicaId: REPLICA_NONE,
    isolationLevel: READ_UNCOMMITTED,
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: bytesMax }] }],
  });
  const { apiVersion } = exchange.request;
  const response = {
    decode: (answer: unknown) => Promise.resolve(readAnswer(answer as Buffer, apiVersion)),
    parse: (decoded: unknown) => Promise.resolve(decoded),
  };
  const { errorCode, bytes } = (await leader.connectionPool.send({ ...exchange, response })) as Answer;
  if (errorCode !== 0) throw createErrorFromCode(errorCode);
  return readBatches(bytes, { topic, partition, offset });
}

/** One topic and one partition were asked for. */
export function readAnswer(answer: Buffer, version: number): Answer {
  if (version < WITH_BATCHES) throw new EventLogError('log_invalid', `the broker knows fetches up to version ${version} only: the log needs ${WITH_BATCHES}`);
  const throttle = version >= WITH_CLIENT_THROTTLE ? { clientSideThrottleTime: answer.readInt32BE(0) } : {};
  let at = 4;
  let errorCode = 0;
  if (version >= WITH_SESSION) {
    errorCode = answer.readInt16BE(at);
    at += 6;
  }
  if (errorCode !== 0 || answer.readInt32BE(at) !== 1) return { errorCode, bytes: answer.subarray(0, 0), ...throttle };
  // Topics, the topic's name, partitions, the partition's number.
  at += 4;
  at += 2 + answer.readInt16BE(at) + 4 + 4;
  errorCode = answer.readInt16BE(at);
  // Also the high watermark and the last stable offset.
  at += 2 + 8 + 8 + (version >= WITH_LOG_START ? 8 : 0);
  at += 4 + Math.max(0, answer.readInt32BE(at)) * ABORTED_BYTES + (version >= WITH_PREFERRED_REPLICA ? 4 : 0);
  const length = Math.max(0, answer.readInt32BE(at));
  return { errorCode, bytes: answer.subarray(at + 4, at + 4 + length), ...throttle };
}
