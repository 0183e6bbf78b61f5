export { addTokens, BUCKETS, tokensFromJson, tokensToJson, TokenSum, type Bucket, type TokenCounts, type TokenTotals } from './bucket';
export { binaryToHex, utf8Length } from './bytes';
export { SessionState, type Decision } from './classify';
export {
  assertSuccessor, Cover, coveredRanges, EMPTY_CUT, lastSegment, logRanges, nextSegment, ownersSegment, sortLogs,
  type CoveredRange, type CoverRange, type Cut, type CutLog, type Lagging, type Segment,
} from './cut';
export type { Outcome, Place, SessionDelta } from './covered';
export { decodeDelta, DELTA_ENTRIES_MAX, deltaFlags, encodeDelta, type DeltaFlags } from './delta';
export { Digest } from './digest';
export { HOUR_MS, hourOf, sameContent, type Entry } from './entry';
export type { Clock, Hash, Random } from './environment';
export { ACCOUNTING_ERROR_CODES, AccountingError, MeridianError, type AccountingErrorCode } from './errors';
export {
  ATTRIBUTES_MAX, CURRENT_RULES, DIMENSION_BYTES_MAX, EVENT_AGE_MAX_MS, EVENT_AHEAD_MAX_MS, NAME_BYTES_MAX, REASON_BYTES_MAX,
  type MeridianEvent, type UsageEvent, type VoidEvent,
} from './event';
export { identify, identityToHex, type EventName, type Identity } from './identity';
export { invariant, InvariantViolation } from './invariant';
export {
  compareLogs, logId, logKey, NAME_PATTERN, parseLogId, parseStreamId, streamFromKey, streamId, streamKey,
  type LogId, type LogName, type StreamId,
} from './log-id';
export { decodeManifest, encodeManifest, type Fingerprint, type Manifest, type RecordCounts, type Touched } from './manifest';
export {
  encodeRecord, isName, isText, Judge, QUARANTINE_CODES,
  type Accepted, type JudgedRecord, type Judgement, type QuarantineCode, type Quarantined,
} from './record';
export { RecordWriter } from './record-writer';
export { Shapes, type Dimensions, type Shape } from './shape';
export { claim, type Claim, type LogCoverage, type Reason, type Status, type Wait } from './standing';
export { explain, hasEntries, total, type SessionTotal, type Standing } from './total';
export { Usage, usageLineFromJson, usageLineToJson, type UsageLine, type UsageLineJson } from './usage';
