/** What LevelDB says, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { EventLogError } from '@meridian/event-log';

const NO_ROOM = /No space left on device|File too large|Disk quota exceeded/;

/** Defects of ours pass through as they are. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof EventLogError || error instanceof InvariantViolation) return error;
  const { code, message } = innermost(error);
  if (code === 'LEVEL_LOCKED') return new EventLogError('log_unavailable', `${doing}: another process has it open`, { cause: error });
  if (NO_ROOM.test(message)) return new EventLogError('log_full', `${doing}: ${message}`, { cause: error });
  return new EventLogError('log_unavailable', `${doing}: ${message}`, { cause: error });
}

/** `Database failed to open` says nothing: its cause does. Not by `instanceof`: errors of native code may be of another realm. */
function innermost(error: unknown): { readonly code?: unknown; readonly message: string } {
  let at: Partial<Record<'code' | 'message' | 'cause', unknown>> = Object(error) as object;
  while (typeof at.cause === 'object' && at.cause !== null) at = at.cause;
  return { code: at.code, message: typeof at.message === 'string' ? at.message : String(error) };
}
