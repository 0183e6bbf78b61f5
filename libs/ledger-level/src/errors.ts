/** What LevelDB says, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { LedgerError } from '@meridian/ledger';
import { causeOf } from '@meridian/level';

/** Of anything but a write that was tried: not applied. Defects of ours pass through as they are. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof LedgerError || error instanceof InvariantViolation) return error;
  return new LedgerError('ledger_unavailable', `${doing}: ${causeOf(error).message}`, { cause: error });
}

/** Of a write that was tried: it may be there after all. */
export function ambiguous(error: unknown): Error {
  return error instanceof LedgerError ? new LedgerError('ledger_ambiguous', error.message, { cause: error.cause }) : (error as Error);
}
