/**
 * What goes wrong in the command line, each with the fix that its reader needs and the exit code that a script needs:
 * 1 error, 2 wrong use or wrong file, 3 drift or not exact. `main.ts` prints it as one sentence on stderr.
 */
import { MeridianError } from '@meridian/accounting';

/** Codes of `CliError`. */
export const CLI_ERROR_CODES = [
  'usage', 'file_invalid', 'data_in_use', 'data_invalid', 'port_in_use', 'not_running', 'unreachable', 'request_refused', 'event_rejected', 'service_stopped',
] as const;
export type CliErrorCode = (typeof CLI_ERROR_CODES)[number];

/** What a process says when it ends. */
export const EXIT = { ok: 0, error: 1, usage: 2, drift: 3 } as const;

/**
 * - `usage`: options that are wrong or do not go together.
 * - `file_invalid`: the file cannot be read, or has rows that are wrong; nothing was sent.
 * - `data_in_use`: another process has the data directory.
 * - `data_invalid`: the data directory does not hold what is asked for.
 * - `port_in_use`: a port to listen on is taken.
 * - `not_running`: nothing is running where the command looked.
 * - `unreachable`: a service did not answer.
 * - `request_refused`: a service answered, and refused.
 * - `event_rejected`: an event that was to be replayed or sent was not accepted.
 * - `service_stopped`: a service in this process ended by itself.
 */
export class CliError extends MeridianError {
  declare readonly code: CliErrorCode;

  /** What the reader can do about it, a sentence of its own. */
  readonly fix: string | undefined;
  /** Of the answer, when there was one. */
  readonly httpStatus: number | undefined;
  /** How long the service asks to be left alone, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: CliErrorCode,
    message: string,
    options: { readonly fix?: string; readonly cause?: unknown; readonly httpStatus?: number; readonly retryAfterMs?: number | undefined } = {},
  ) {
    const { fix, cause, httpStatus, retryAfterMs } = options;
    super(code, message, code === 'unreachable' || httpStatus === 429 || httpStatus === 503, { cause });
    this.fix = fix;
    this.httpStatus = httpStatus;
    this.retryAfterMs = retryAfterMs;
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof CliError && (error.code === 'usage' || error.code === 'file_invalid') ? EXIT.usage : EXIT.error;
}

/** One sentence, and the fix. A defect of ours keeps its stack: it has to be reported. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CliError) return error.fix === undefined ? error.message : `${error.message}. ${error.fix}`;
  if (error instanceof MeridianError) return `${error.message} (${error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
