/** What LevelDB says, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { LedgerError } from '@meridian/ledger';

/** Of anything but a write that was tried: not applied. Defects of ours pass through as they are. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof LedgerError || error instanceof InvariantViolation) return error;
  const { code, message } = innermost(error);
  const why = code === 'LEVEL_LOCKED' ? 'another process has it open' : message;
  return new LedgerError('ledger_unavailable', `${doing}: ${why}`, { cause: error });
}

/** `Database failed to open` says nothing: its cause does. Not by `instanceof`: errors of native code may be of another realm. */
function innermost(error: unknown): { readonly code?: unknown; readonly message: string } {
  let at: Partial<Record<'code' | 'message' | 'cause', unknown>> = Object(error) as object;
  while (typeof at.cause === 'object' && at.cause !== null) at = at.cause;
  return { code: at.code, message: typeof at.message === 'string' ? at.message : String(error) };
}
