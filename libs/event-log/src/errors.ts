import { MeridianError } from '@meridian/accounting';

/** Codes of `EventLogError`. */
export const EVENT_LOG_ERROR_CODES = ['log_unavailable', 'log_full', 'log_out_of_range', 'log_invalid', 'log_closed'] as const;
export type EventLogErrorCode = (typeof EVENT_LOG_ERROR_CODES)[number];

/**
 * - `log_unavailable`: not reached, or no durable answer.
 * - `log_full`: no room to write (disk full).
 * - `log_out_of_range`: the offset is below the start or beyond the end.
 * - `log_invalid`: the call is wrong (no such partition): a defect of the caller.
 * - `log_closed`: `close` was called.
 */
export class EventLogError extends MeridianError {
  declare readonly code: EventLogErrorCode;

  constructor(code: EventLogErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, code === 'log_unavailable' || code === 'log_full', options);
  }
}
