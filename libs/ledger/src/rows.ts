/**
 * Codecs of the rows that are JSON in UTF-8: everything but deltas and manifests. Totals are decimal strings.
 */
import {
  AccountingError, tokensFromJson, tokensToJson, usageLineFromJson, usageLineToJson,
  type Cut, type LogId, type RecordCounts, type StreamId, type TokenTotals, type UsageLine, type UsageLineJson,
} from '@meridian/accounting';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

export function decodeJson<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(decoder.decode(bytes)) as T;
  } catch (cause) {
    throw new AccountingError('corrupt_row', 'a row is not JSON in UTF-8', { cause });
  }
}

/** `LOG` row: a log that ingest may produce to. */
export interface LogRegistration {
  readonly log: LogId;
  readonly region: string;
  /** Names the incarnation: when it changes, offsets have started over. */
  readonly cluster: string;
  readonly topic: string;
  readonly partition: number;
  readonly lineage: number;
  /** First offset that the topic had when it was registered. */
  readonly start: number;
  /** ms since the epoch. */
  readonly registeredAt: number;
}

/** `RETIRED` row: a log that is gone, by an operator's decision: no cut waits for it beyond `offset`, what is not folded is lost, on record. */
export interface LogRetirement {
  readonly log: LogId;
  readonly offset: number;
  readonly by: string;
  readonly reason: string;
  readonly retiredAt: number;
}

/**
 * `RENEWED` row: an operator's decision that a lineage is given up for the next one. The first service of the region that
 * starts carries it out, since it has the log: it registers the next lineage, and then retires these logs. Until then they
 * hold cuts back as before.
 */
export interface LineageRenewal {
  readonly region: string;
  /** That is given up. */
  readonly lineage: number;
  /** Up to where each of its logs counts. */
  readonly offsets: Readonly<Record<LogId, number>>;
  readonly by: string;
  readonly reason: string;
  /** ms since the epoch. */
  readonly decidedAt: number;
}

/** `E#region` row: one sample of all logs of one lineage of the region. */
export interface EndsSample {
  /** Clock before the offsets were asked for, ms since the epoch. */
  readonly sampledAt: number;
  readonly ends: Readonly<Record<LogId, number>>;
}

/** `A#stream` row: whether deltas of the stream may exist for records that none of its manifests covers. */
export interface Ahead {
  readonly isAhead: boolean;
  /** Number of the last manifest when it was written. */
  readonly manifest: number;
  /** Leader epoch of the first record that was written ahead. */
  readonly epoch: number;
}

/** `R#region` row: how far each stream is present at that region's replica. */
export interface Boundaries {
  readonly streams: Readonly<Record<StreamId, Boundary>>;
}

export interface Boundary {
  /** Number of the last manifest that is present with all its deltas; 0 = none. */
  readonly manifest: number;
  /** Its end; the stream's start when there is none. */
  readonly end: number;
  /** Sums over manifests 1..`manifest`. */
  readonly counts: RecordCounts;
}

/** `RC#region` row: every U and V row of that region is at cut `k`, unless it says a later one, and every session of the cut has its T rows. */
export interface ResolvedThrough {
  readonly cut: Cut;
}

/**
 * A derived row, at cut `k`. While a cut is being resolved some rows are ahead of `RC`; `previous` is what such a row
 * said at the last cut that was resolved whole, so that a reader never mixes cuts.
 */
export interface Derived<T> {
  readonly k: number;
  readonly value: T;
  readonly previous?: { readonly k: number; readonly value: T };
}

/**
 * UTF-8 bytes of the value of a derived row. A row holds two of them while a cut is being resolved, and its key, and must
 * stay below `ROW_BYTES_MAX`.
 */
export const VALUE_BYTES_MAX = 190 * 1_024;
/** UTF-8 bytes of a line as JSON, at most: five texts of 128 bytes that may all have to be escaped, a region of 64, names, and nine sums of 40 digits. */
const LINE_BYTES_MAX = 2_048;

/** Whether lines of usage, as JSON, have at most so many bytes. Mostly there are few: they need not be looked at. */
export function linesFit(lines: readonly UsageLine[], bytesMax: number): boolean {
  return lines.length * LINE_BYTES_MAX <= bytesMax || encodeJson(lines.map(usageLineToJson)).length <= bytesMax;
}

/** Value of a `V` row: the total of a session that is not plain. */
export interface SessionCache {
  readonly events: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly voided: number;
  readonly streams: number;
  readonly tokens: TokenTotals;
  readonly usage: readonly UsageLine[];
}

interface TokensJson {
  readonly tokens: ReturnType<typeof tokensToJson>;
}
/** What a `V` row says of a session whose total does not fit into it: it is computed from the deltas. An older total must not stay. */
export const TOO_LARGE = 'tooLarge';
type TooLarge = typeof TOO_LARGE;

type CacheJson = Omit<SessionCache, 'tokens' | 'usage'> & TokensJson & { readonly usage: readonly UsageLineJson[] };

/** One codec per derived row: value → JSON → value. */
export interface DerivedCodec<T> {
  encode(row: Derived<T>): Uint8Array;
  decode(bytes: Uint8Array): Derived<T>;
}

function derivedCodec<T, Json>(toJson: (value: T) => Json, fromJson: (json: Json) => T): DerivedCodec<T> {
  return {
    encode: ({ k, value, previous }) =>
      encodeJson({ k, value: toJson(value), previous: previous && { k: previous.k, value: toJson(previous.value) } }),
    decode: (bytes) => {
      const { k, value, previous } = decodeJson<Derived<Json>>(bytes);
      const row = { k, value: fromJson(value) };
      return previous ? { ...row, previous: { k: previous.k, value: fromJson(previous.value) } } : row;
    },
  };
}

/** `U` rows: the usage of one tenant in one hour, or a part of it. */
export const usageCodec: DerivedCodec<readonly UsageLine[]> = derivedCodec(
  (lines: readonly UsageLine[]) => lines.map(usageLineToJson),
  (json: readonly UsageLineJson[]) => json.map(usageLineFromJson),
);

export const sessionCacheCodec: DerivedCodec<SessionCache | TooLarge> = derivedCodec(
  (value: SessionCache | TooLarge): CacheJson | TooLarge =>
    value === TOO_LARGE ? value : { ...value, tokens: tokensToJson(value.tokens), usage: value.usage.map(usageLineToJson) },
  (json: CacheJson | TooLarge) =>
    json === TOO_LARGE ? json : { ...json, tokens: tokensFromJson(json.tokens), usage: json.usage.map(usageLineFromJson) },
);

/** Value of a `T` row, which says that the session has an entry dated in the period: its key says all of it. */
export const INDEX_VALUE: Uint8Array = encodeJson({});

/** `Q` row. */
export interface QuarantineRow {
  readonly code: string;
  readonly message: string;
  readonly rules: number;
  readonly tenant: string;
  /** Append time, ms since the epoch. */
  readonly time: number;
  /** The record's value, base64: all of it, or as much as `cut` says. */
  readonly raw: string;
  /** Present when `raw` is only the beginning of a record too large for a row. */
  readonly cut?: {
    /** Of the whole value, as the digest in hex. */
    readonly bytes: number;
    readonly sha256: string;
  };
}

/** `KEY` row: what an API key may do. The secret itself is never stored. */
export interface ApiKeyRow {
  readonly id: string;
  /** SHA-256 of the secret, hex. */
  readonly secretSha256: string;
  /** `*` for a platform key, which names its tenant in each request. */
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
}

export const SCOPES = ['ingest', 'void', 'read', 'ops'] as const;
export type Scope = (typeof SCOPES)[number];

