import { MeridianError } from '@meridian/accounting';

/** Codes of `PipelineError`. */
export const PIPELINE_ERROR_CODES = ['log_truncated', 'log_gap', 'log_retired', 'stream_doubtful', 'contended', 'not_replicated', 'resolving', 'unknown_log', 'unknown_job', 'scope_invalid'] as const;
export type PipelineErrorCode = (typeof PIPELINE_ERROR_CODES)[number];

/**
 * - `log_truncated`: the record before the last manifest's end is gone or another one, or the log ends before its registered start. The log stops.
 * - `log_gap`: the log starts after the last manifest's end, or after its registered start when there is none: retention removed records before they were folded. The log stops.
 * - `log_retired`: every log of the topic was given up: what is appended to it would not be counted.
 * - `stream_doubtful`: the stream may have deltas of records that are not in the log any more. The log is folded by a new stream.
 * - `contended`: someone else kept writing first, more often than we retry at once.
 * - `not_replicated`: a row that must be here before work can go on has not arrived yet.
 * - `resolving`: rows of several cuts would have been mixed; ask again.
 * - `unknown_log`: no registered log of that name.
 * - `unknown_job`: no job of that id.
 * - `scope_invalid`: a job's scope is not one.
 */
export class PipelineError extends MeridianError {
  declare readonly code: PipelineErrorCode;

  constructor(code: PipelineErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, RETRYABLE.has(code), options);
  }
}

const RETRYABLE: ReadonlySet<PipelineErrorCode> = new Set<PipelineErrorCode>(['contended', 'not_replicated', 'resolving']);
