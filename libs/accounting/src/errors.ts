/**
 * Operating errors: things that go wrong outside our code and that a caller may have to act on.
 * Each library has one closed list of codes; `docs/errors.md` is held against the lists by a test.
 */
export abstract class MeridianError extends Error {
  /** `retryable`: the same call may succeed later without anyone changing anything. */
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Codes of `AccountingError`. */
export const ACCOUNTING_ERROR_CODES = ['unknown_rules', 'unknown_version', 'corrupt_row'] as const;
export type AccountingErrorCode = (typeof ACCOUNTING_ERROR_CODES)[number];

/**
 * - `unknown_rules`: a record is stamped with a rule set that this binary does not know; the fold of that log stops.
 * - `unknown_version`: a row was written by a newer codec.
 * - `corrupt_row`: a row's bytes do not decode.
 */
export class AccountingError extends MeridianError {
  declare readonly code: AccountingErrorCode;

  constructor(code: AccountingErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, false, options);
  }
}
