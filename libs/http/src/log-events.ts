/** Values of `event` in the log lines of this library. Runbooks and alerts are written against them. */
export const HTTP_LOG_EVENTS = {
  /** A request was answered with a problem: `error` for a defect of ours, `warn` for 5xx, else `debug`. */
  refused: 'request_refused',
  /** A loop behind a service failed for good. */
  failed: 'service_failed',
} as const;
