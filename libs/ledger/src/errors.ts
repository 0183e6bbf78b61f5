import { MeridianError } from '@meridian/accounting';

/** Codes of `LedgerError`. */
export const LEDGER_ERROR_CODES = ['ledger_unavailable', 'ledger_throttled', 'ledger_ambiguous', 'ledger_invalid', 'ledger_closed'] as const;
export type LedgerErrorCode = (typeof LEDGER_ERROR_CODES)[number];

/**
 * - `ledger_unavailable`: not reached or out of order; not applied.
 * - `ledger_throttled`: refused for load; not applied.
 * - `ledger_ambiguous`: no answer; a write may or may not have been applied, now or later.
 * - `ledger_invalid`: the call is wrong (key too long, row too large, too many keys): a defect of the caller.
 * - `ledger_closed`: `close` was called.
 */
export class LedgerError extends MeridianError {
  declare readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, code !== 'ledger_invalid' && code !== 'ledger_closed', options);
  }
}
