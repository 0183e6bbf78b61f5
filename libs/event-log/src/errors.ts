import { MeridianError } from '@meridian/accounting';

/** Codes of `EventLogError`. */
export const EVENT_LOG_ERROR_CODES = [
  'log_unavailable', 'log_full', 'log_out_of_range', 'log_missing', 'log_repartitioned', 'log_replaced', 'log_rewound', 'log_invalid', 'log_closed',
] as const;
export type EventLogErrorCode = (typeof EVENT_LOG_ERROR_CODES)[number];

/**
 * - `log_unavailable`: not reached, or no durable answer.
 * - `log_full`: no room to write (disk full).
 * - `log_out_of_range`: the offset is below the start or beyond the end.
 * - `log_missing`: the topic does not exist, or not any more.
 * - `log_repartitioned`: the topic has another number of partitions than when it was opened.
 * - `log_replaced`: what answers is another cluster than the one that was opened: offsets mean something else there.
 * - `log_rewound`: records of an earlier leader epoch follow those of a later one.
 * - `log_invalid`: the call is wrong (no such partition): a defect of the caller.
 * - `log_closed`: `close` was called.
 */
export class EventLogError extends MeridianError {
  declare readonly code: EventLogErrorCode;
  /** Which one it is about, where it is about one. */
  readonly partition: number | undefined;

  constructor(code: EventLogErrorCode, message: string, options?: { readonly cause?: unknown; readonly partition?: number }) {
    super(code, message, code === 'log_unavailable' || code === 'log_full', options);
    this.partition = options?.partition;
  }
}
