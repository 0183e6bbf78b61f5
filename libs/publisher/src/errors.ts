import { MeridianError } from '@meridian/accounting';

/** Codes of `PublisherError`. */
export const PUBLISHER_ERROR_CODES = [
  'spool_full', 'spool_failed', 'spool_in_use', 'spool_damaged', 'event_invalid', 'publisher_invalid', 'publisher_closed', 'ingest_unreachable', 'ingest_refused',
] as const;
export type PublisherErrorCode = (typeof PUBLISHER_ERROR_CODES)[number];

/** What is wrong with which option or member, and what the reader can do about it. */
export interface PublisherErrorOptions {
  readonly field: string;
  /** A sentence of its own. */
  readonly fix: string;
  readonly cause?: unknown;
}

/** These end by themselves: when an ingest takes events again, the spool empties. */
const RETRYABLE: ReadonlySet<PublisherErrorCode> = new Set(['spool_full', 'ingest_unreachable']);

/**
 * - `spool_full`: no room for the event, on disk or below `spoolBytesMax`; nothing of it was taken.
 * - `spool_failed`: the disk refused for another reason; the event may be sent or not.
 * - `spool_in_use`: another process, of whichever container, or another publisher of this one, has the directory.
 * - `spool_damaged`: bytes that were durable are not what they were.
 * - `event_invalid`: no JSON object, or too large for any ingest.
 * - `publisher_invalid`: an option makes no sense.
 * - `publisher_closed`: it was closed before.
 * - `ingest_unreachable`, `ingest_refused`: told to `onTrouble` only; events wait in the spool.
 */
export class PublisherError extends MeridianError {
  declare readonly code: PublisherErrorCode;
  readonly field: string;
  readonly fix: string;

  constructor(code: PublisherErrorCode, reason: string, { field, fix, cause }: PublisherErrorOptions) {
    super(code, `${field}: ${reason}. ${fix}`, RETRYABLE.has(code), { cause });
    this.field = field;
    this.fix = fix;
  }
}

const NO_ROOM: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What the file system says, for a caller whose event was not taken. */
export function diskError(cause: unknown, directory: string): PublisherError {
  const { code, message } = Object(cause) as { readonly code?: unknown; readonly message?: unknown };
  return NO_ROOM.has(code)
    ? new PublisherError('spool_full', `the disk of ${directory} is full, the event was not taken`, { field: 'spool', fix: 'Free space, or publish again when an ingest is reachable: the spool empties by itself.', cause })
    : new PublisherError('spool_failed', `${directory}: ${String(message)}`, { field: 'spool', fix: 'Publish again: an event with the same id counts once.', cause });
}
