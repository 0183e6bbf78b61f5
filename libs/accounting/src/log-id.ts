/**
 * Names of logs and streams.
 * A log is one partition of one incarnation of one region's topic; a stream is what one writer region wrote about one
 * log from one start offset. Numbers are compared as numbers, region names byte by byte.
 */
import { invariant } from './invariant';

/** Tenant ids and region names. */
export const NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** `region.lineage.partition`, for example `eu-west-1.0.2`. */
export type LogId = string & { readonly __brand: 'LogId' };
/** `logId~j`, for example `eu-west-1.0.2~0`; 0 is the owner's. */
export type StreamId = string & { readonly __brand: 'StreamId' };

export interface LogName {
  readonly region: string;
  /** Goes up when offsets start over. */
  readonly lineage: number;
  readonly partition: number;
}

/** Width of lineage, partition and stream numbers in keys: string order is then number order. */
const KEY_DIGITS = 5;
const NUMBER_MAX = 10 ** KEY_DIGITS - 1;

const LOG_ID = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})$/;
const STREAM_ID = /^(.+)~(0|[1-9]\d{0,4})$/;

export function logId({ region, lineage, partition }: LogName): LogId {
  invariant(NAME_PATTERN.test(region), `region name ${region} must match ${NAME_PATTERN.source}`);
  invariant(isNumber(lineage) && isNumber(partition), `lineage and partition must be integers 0..${NUMBER_MAX}`);
  return `${region}.${lineage}.${partition}` as LogId;
}

export function parseLogId(id: LogId): LogName {
  const match = LOG_ID.exec(id);
  invariant(match, `not a log id: ${id}`);
  return { region: match[1] as string, lineage: Number(match[2]), partition: Number(match[3]) };
}

export function streamId(log: LogId, number: number): StreamId {
  invariant(isNumber(number), `a stream number is an integer 0..${NUMBER_MAX}`);
  return `${log}~${number}` as StreamId;
}

export function parseStreamId(id: StreamId): { readonly log: LogId; readonly number: number } {
  const match = STREAM_ID.exec(id);
  invariant(match, `not a stream id: ${id}`);
  return { log: match[1] as LogId, number: Number(match[2]) };
}

/** The last one asked for: a fold asks for the same one all the time. */
let lastStreamKey = { id: '' as StreamId, key: '' };

/** As it stands in a key: numbers of fixed width, so that the rows of one region sort like `compareLogs`. */
export function streamKey(id: StreamId): string {
  if (id !== lastStreamKey.id) {
    const { log, number } = parseStreamId(id);
    lastStreamKey = { id, key: `${logKey(log)}~${pad(number)}` };
  }
  return lastStreamKey.key;
}

export function logKey(log: LogId): string {
  const { region, lineage, partition } = parseLogId(log);
  return `${region}.${pad(lineage)}.${pad(partition)}`;
}

export function streamFromKey(key: string): StreamId {
  const match = /^([A-Za-z0-9_-]{1,64})\.(\d{5})\.(\d{5})~(\d{5})$/.exec(key);
  invariant(match, `not a stream key: ${key}`);
  const log = logId({ region: match[1] as string, lineage: Number(match[2]), partition: Number(match[3]) });
  return streamId(log, Number(match[4]));
}

/** Negative when `a` comes before `b`: by region bytes, then lineage, then partition. */
export function compareLogs(a: LogId, b: LogId): number {
  if (a === b) return 0;
  const left = parseLogId(a);
  const right = parseLogId(b);
  if (left.region !== right.region) return left.region < right.region ? -1 : 1;
  return left.lineage - right.lineage || left.partition - right.partition;
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX;
}

function pad(value: number): string {
  return String(value).padStart(KEY_DIGITS, '0');
}
