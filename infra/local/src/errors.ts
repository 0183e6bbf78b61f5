import { MeridianError } from '@meridian/accounting';

/** Codes of `StackError`. */
export const STACK_ERROR_CODES = ['stack_missing_tool', 'stack_not_started', 'stack_busy', 'stack_not_stopped', 'stack_invalid'] as const;
export type StackErrorCode = (typeof STACK_ERROR_CODES)[number];

/**
 * - `stack_missing_tool`: Java or Maven is not there or too old; the message says what to install.
 * - `stack_not_started`: a part did not become healthy; the message ends with the end of its log.
 * - `stack_busy`: another command is at work on the same directory.
 * - `stack_not_stopped`: a process outlived its kill.
 * - `stack_invalid`: the state file, an argument or a request to the replicator makes no sense.
 */
export class StackError extends MeridianError {
  declare readonly code: StackErrorCode;

  constructor(code: StackErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, code === 'stack_busy', options);
  }
}
