/** What LevelDB says, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { EventLogError } from '@meridian/event-log';
import { causeOf } from '@meridian/level';

const NO_ROOM = /No space left on device|File too large|Disk quota exceeded/;

/** Defects of ours pass through as they are. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof EventLogError || error instanceof InvariantViolation) return error;
  const { message } = causeOf(error);
  return new EventLogError(NO_ROOM.test(message) ? 'log_full' : 'log_unavailable', `${doing}: ${message}`, { cause: error });
}
