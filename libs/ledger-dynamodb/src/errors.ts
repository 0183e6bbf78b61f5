/** What DynamoDB, the SDK and the network say, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { LedgerError, type LedgerErrorCode } from '@meridian/ledger';

/** What one failed attempt means. */
export interface Failure {
  /** What the call fails with when nothing better comes of it. */
  readonly code: Exclude<LedgerErrorCode, 'ledger_closed'>;
  /** Another attempt within the same call may succeed. */
  readonly isRetried: boolean;
}

/** Refused for load: not applied. */
const THROTTLED: ReadonlySet<string> = new Set(['ProvisionedThroughputExceededException', 'ThrottlingException', 'Throttling', 'RequestLimitExceeded', 'TooManyRequestsException', 'SlowDown']);
/** Refused for another write at that moment: not applied. */
const CONFLICTING: ReadonlySet<string> = new Set(['TransactionConflictException', 'ReplicatedWriteConflictException', 'TransactionInProgressException']);
/** The call itself is wrong, and stays so. */
const INVALID: ReadonlySet<string> = new Set(['ValidationException', 'SerializationException', 'ItemCollectionSizeLimitExceededException']);
/** No connection was made: nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

/** `isWrite`: of an attempt that may have been applied without our knowing. */
export function judge(error: unknown, isWrite: boolean): Failure {
  const { name, status, code } = parts(error);
  const isOf = (names: ReadonlySet<string>): boolean => names.has(name) || names.has(code);
  if (isOf(THROTTLED) || status === 429) return { code: 'ledger_throttled', isRetried: true };
  if (isOf(CONFLICTING) || isOf(NOT_SENT)) return { code: 'ledger_unavailable', isRetried: true };
  if (isOf(INVALID)) return { code: 'ledger_invalid', isRetried: false };
  // Rights, a table that is not there, credentials: somebody has to act, and may while we are running.
  if (name === 'CredentialsProviderError' || (status !== undefined && status >= 400 && status < 500)) return { code: 'ledger_unavailable', isRetried: false };
  // 5xx (a write may have been applied in spite of it), a timeout, a connection that broke, an answer nobody can read.
  return { code: isWrite ? 'ledger_ambiguous' : 'ledger_unavailable', isRetried: true };
}

export function isConditionFailed(error: unknown): boolean {
  return parts(error).name === 'ConditionalCheckFailedException';
}

/** Of what has no fate of its own: table administration. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof LedgerError || error instanceof InvariantViolation) return error;
  const { name, message } = parts(error);
  return new LedgerError(judge(error, false).code, `${doing}: ${name}: ${message}`, { cause: error });
}

/** Name and message without anything of the request. */
export function describe(error: unknown): string {
  const { name, message } = parts(error);
  return message === '' ? name : `${name}: ${message}`;
}

/** Not by `instanceof`: an error's class may be another copy's or another realm's. */
function parts(error: unknown): { readonly name: string; readonly code: string; readonly message: string; readonly status: number | undefined } {
  const { name, code, message, $metadata } = Object(error) as Partial<Record<'name' | 'code' | 'message' | '$metadata', unknown>>;
  const { httpStatusCode } = Object($metadata) as { httpStatusCode?: unknown };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const status = typeof httpStatusCode === 'number' ? httpStatusCode : undefined;
  return { name: text(name) || 'Error', code: text(code), message: text(message), status };
}
