export { withDerivedApart } from './apart';
export { LEDGER_ERROR_CODES, LedgerError, type LedgerErrorCode } from './errors';
export { decodeSession, isDerived, keys, parseDeltaSk, parseUsageSk, SESSION_SHARDS, shardOf } from './keys';
export {
  getAll, GET_MANY_MAX, PK_BYTES_MAX, queryAll, ROW_BYTES_MAX, SK_BYTES_MAX,
  type Key, type Ledger, type Page, type Range, type ReadOptions, type Row, type StoredRow, type VersionedRow,
} from './ledger';
export { assertKey, assertKeys, assertQuery, assertRow } from './limits';
export { MemoryLedger } from './memory';
export { compareSortKeys } from './order';
export {
  decodeJson, encodeJson, INDEX_VALUE, linesFit, SCOPES, sessionCacheCodec, TOO_LARGE, usageCodec, VALUE_BYTES_MAX,
  type Ahead, type ApiKeyRow, type Boundaries, type Boundary, type Derived, type DerivedCodec, type EndsSample, type LogRegistration,
  type LineageRenewal, type LogRetirement, type QuarantineRow, type ResolvedThrough, type Scope, type SessionCache,
} from './rows';
