/**
 * Every key of both tables, in one place. Tenant ids and region names match NAME_PATTERN; other text is
 * percent-encoded; numbers are fixed-width decimal, so that string order is number order.
 */
import { streamFromKey, streamKey, logKey, type LogId, type StreamId } from '@meridian/accounting';
import type { Key } from './ledger';

const DELTA_DIGITS = 8;
const MANIFEST_DIGITS = 10;
const CUT_DIGITS = 12;
const OFFSET_DIGITS = 16;
const HOUR_DIGITS = 8;
const LINEAGE_DIGITS = 5;

/** Shards of a tenant's session index per period: spreads the writes of one large tenant over partitions. */
export const SESSION_SHARDS = 8;

export const keys = {
  sessionPk: (tenant: string, session: string): string => `S#${tenant}#${encode(session)}`,
  delta: (tenant: string, session: string, stream: StreamId, n: number): Key => ({
    pk: keys.sessionPk(tenant, session),
    sk: keys.deltaSk(stream, n),
  }),
  deltaSk: (stream: StreamId, n: number): string => `D#${streamKey(stream)}#${pad(n, DELTA_DIGITS)}`,
  /** Sort-key range of one stream's deltas numbered `from`..`to`. */
  deltaRange: (stream: StreamId, from: number, to = 10 ** DELTA_DIGITS - 1): { readonly from: string; readonly to: string } => ({
    from: `D#${streamKey(stream)}#${pad(from, DELTA_DIGITS)}`,
    to: `D#${streamKey(stream)}#${pad(to, DELTA_DIGITS)}`,
  }),
  /** Sort-key range of all deltas of a session. */
  allDeltas: { from: 'D#', to: 'D#~' } as const,
  manifestPk: (stream: StreamId): string => `M#${streamKey(stream)}`,
  manifest: (stream: StreamId, k: number): Key => ({ pk: keys.manifestPk(stream), sk: pad(k, MANIFEST_DIGITS) }),
  /** Sort key of manifest number `k`, for ranges. */
  manifestSk: (k: number): string => pad(k, MANIFEST_DIGITS),
  ahead: (stream: StreamId): Key => ({ pk: `A#${streamKey(stream)}`, sk: '-' }),
  endsPk: (region: string): string => `E#${region}`,
  /** Each lineage has readers of its own. */
  ends: (region: string, lineage: number): Key => ({ pk: keys.endsPk(region), sk: pad(lineage, LINEAGE_DIGITS) }),
  boundaries: (region: string): Key => ({ pk: `R#${region}`, sk: '-' }),
  cutsPk: 'C#cuts',
  cutCopy: (k: number): Key => ({ pk: keys.cutsPk, sk: pad(k, CUT_DIGITS) }),
  usagePk: (region: string, tenant: string, month: string): string => `U#${region}#${tenant}#${month}`,
  /** `hour`: `YYYY-MM-DDTHH`; `part`: the hex digits that the hashes of its lines begin with, none unless the hour outgrows a row. */
  usageHour: (region: string, tenant: string, hour: string, part = ''): Key => ({
    pk: keys.usagePk(region, tenant, hour.slice(0, 7)),
    sk: part === '' ? hour : `${hour}#${part}`,
  }),
  /** Sort-key range of the usage of hours `from`..`to`, all parts. */
  usageRange: (from: string, to: string): { readonly from: string; readonly to: string } => ({ from, to: `${to}#~` }),
  sessionCache: (region: string, tenant: string, session: string): Key => ({ pk: `V#${region}#${tenant}#${encode(session)}`, sk: '-' }),
  /** `period`: `YYYY-MM`. */
  sessionIndexPk: (region: string, tenant: string, period: string, shard: number): string => `T#${region}#${tenant}#${period}#${shard}`,
  sessionIndex: (region: string, tenant: string, period: string, session: string): Key => ({
    pk: keys.sessionIndexPk(region, tenant, period, shardOf(session)),
    sk: encode(session),
  }),
  resolved: (region: string): Key => ({ pk: `RC#${region}`, sk: '-' }),
  quarantine: (log: LogId, appendHour: number, offset: number): Key => ({
    pk: `Q#${logKey(log)}#${pad(appendHour, HOUR_DIGITS)}`,
    sk: pad(offset, OFFSET_DIGITS),
  }),
  apiKey: (id: string): Key => ({ pk: `KEY#${id}`, sk: pad(1, 4) }),
  // Control table.
  logsPk: 'LOG',
  logRegistration: (log: LogId): Key => ({ pk: keys.logsPk, sk: logKey(log) }),
  logRetirement: (log: LogId): Key => ({ pk: 'RETIRED', sk: logKey(log) }),
  retirementsPk: 'RETIRED',
  renewalsPk: 'RENEWED',
  renewal: (region: string, lineage: number): Key => ({ pk: keys.renewalsPk, sk: `${region}#${pad(lineage, LINEAGE_DIGITS)}` }),
  controlCutsPk: 'CUT',
  controlCut: (k: number): Key => ({ pk: keys.controlCutsPk, sk: pad(k, CUT_DIGITS) }),
  jobsPk: 'JOB',
  job: (id: string): Key => ({ pk: keys.jobsPk, sk: id }),
} as const;

const DERIVED = ['U#', 'V#', 'T#', 'RC#'];

/** Whether it is the partition key of rows that one region derives for itself: usage, totals, and how far they are resolved. */
export function isDerived(pk: string): boolean {
  return DERIVED.some((prefix) => pk.startsWith(prefix));
}

/** What a delta's sort key says. */
export function parseDeltaSk(sk: string): { readonly stream: StreamId; readonly number: number } {
  const at = sk.lastIndexOf('#');
  return { stream: streamFromKey(sk.slice(2, at)), number: Number(sk.slice(at + 1)) };
}

/** What a usage row's sort key says. */
export function parseUsageSk(sk: string): { readonly hour: string; readonly part: string } {
  const at = sk.indexOf('#');
  return at < 0 ? { hour: sk, part: '' } : { hour: sk.slice(0, at), part: sk.slice(at + 1) };
}

export function decodeSession(encoded: string): string {
  return decodeURIComponent(encoded);
}

/** The shard of a session in its tenant's index: FNV-1a over its UTF-16 units. */
export function shardOf(session: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < session.length; i++) hash = Math.imul(hash ^ session.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SESSION_SHARDS;
}

/** Nearly every name: nothing of it needs encoding. */
const PLAIN = /^[A-Za-z0-9\-_.!*'()]*$/;

/** Percent-encodes everything but `A–Z a–z 0–9 - _ . ! * ' ( )`; `~` too, so that it can stand for "after all". */
function encode(text: string): string {
  return PLAIN.test(text) ? text : encodeURIComponent(text).replaceAll('~', '%7E');
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
