/**
 * Every name that leaves the process, in one place: metrics with their units, attributes, spans, events of the log.
 * Dashboards, alerts and runbooks are written against these: renaming one is a breaking change.
 */

/** Seconds; from a local append to a stuck flush. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Seconds; from a flush that came at once to a log that waited for half a day. */
const AGES = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 10_800, 43_200];
const RECORDS = [1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000];

export interface MetricName {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** Upper bounds of a histogram's buckets. */
  readonly boundaries?: readonly number[];
}

/** Prometheus appends `_total` to counters. Every point carries `region`. */
export const COUNTERS = {
  acceptedEvents: { name: 'meridian_accept_events', unit: '{event}', description: 'Events acknowledged: durable in the log' },
  foldedRecords: { name: 'meridian_fold_records', unit: '{record}', description: 'Records of the log that were folded, by log' },
  foldedEntries: { name: 'meridian_fold_entries', unit: '{entry}', description: 'First occurrences among them' },
  foldedDuplicates: { name: 'meridian_fold_duplicates', unit: '{record}', description: 'Records that repeat an entry of their stream' },
  foldedConflicts: { name: 'meridian_fold_conflicts', unit: '{entry}', description: 'Entries with a known identity and other content' },
  foldedQuarantined: { name: 'meridian_fold_quarantined', unit: '{record}', description: 'Records put into quarantine' },
  foldedDeltas: { name: 'meridian_fold_deltas', unit: '{row}', description: 'Deltas written' },
  foldedBytes: { name: 'meridian_fold_write_bytes', unit: 'By', description: 'Bytes of deltas and manifests written' },
  resolvedSessions: { name: 'meridian_resolve_sessions', unit: '{session}', description: 'Sessions whose derived rows were brought to a newer cut' },
  resolvedRows: { name: 'meridian_resolve_rows', unit: '{row}', description: 'Derived rows written' },
  writeUnits: { name: 'meridian_ledger_write_units', unit: '{unit}', description: 'Write units of DynamoDB, by table, kind of row, and whether the write was refused' },
  retries: { name: 'meridian_retries', unit: '{retry}', description: 'Operating errors that were retried, by loop and code' },
  alarms: { name: 'meridian_alarms', unit: '{alarm}', description: 'Logs that stopped until a person acts, by code' },
} as const satisfies Readonly<Record<string, MetricName>>;

export const HISTOGRAMS = {
  requestSeconds: { name: 'meridian_http_request_duration_seconds', unit: 's', description: 'HTTP requests, by method, route and status', boundaries: SECONDS },
  acceptSeconds: { name: 'meridian_accept_duration_seconds', unit: 's', description: 'From the call to durable, per batch', boundaries: SECONDS },
  flushSeconds: { name: 'meridian_fold_flush_duration_seconds', unit: 's', description: 'One flush, until its manifest is written', boundaries: SECONDS },
  flushRecords: { name: 'meridian_fold_flush_records', unit: '{record}', description: 'Records in one flush', boundaries: RECORDS },
  foldAgeSeconds: { name: 'meridian_fold_age_seconds', unit: 's', description: 'Age, since its append, of the oldest record of a flush: how late it became durable', boundaries: AGES },
  resolveSeconds: { name: 'meridian_resolve_duration_seconds', unit: 's', description: 'Bringing the derived rows to one cut', boundaries: SECONDS },
} as const satisfies Readonly<Record<string, MetricName>>;

export const GAUGES = {
  sampledAt: { name: 'meridian_sample_age_seconds', unit: 's', description: 'Time since the last sample of the ends of the logs' },
  foldLagRecords: { name: 'meridian_fold_lag_records', unit: '{record}', description: 'Records of a log that are not durable in the ledger, told by the process that folds it' },
  foldLagSeconds: { name: 'meridian_fold_lag_seconds', unit: 's', description: 'Age, since its append, of the oldest of them; 0 when there is none' },
  foldStopped: { name: 'meridian_fold_stopped', unit: '1', description: '1 for a log that was stopped by an alarm, 0 for one that is folded' },
  cutAge: { name: 'meridian_cut_age_seconds', unit: 's', description: 'Time since the moment up to which the newest cut known here is complete' },
  cutNumber: { name: 'meridian_cut_number', unit: '1', description: 'Number of the newest cut known here' },
  cutLagging: { name: 'meridian_cut_lagging', unit: '{log}', description: 'Logs and regions that the newest cut known here goes without' },
  waitingFor: { name: 'meridian_reach_waiting_streams', unit: '{stream}', description: 'Streams of which rows below the newest cut are not here yet' },
  reachedAge: { name: 'meridian_reach_cut_age_seconds', unit: 's', description: 'Time since the moment up to which the newest cut reached here is complete' },
  reachMissing: { name: 'meridian_reach_missing_rows', unit: '{row}', description: 'Manifests and deltas below the newest cut that are not here, by the region that wrote them' },
  reachLag: { name: 'meridian_reach_lag_seconds', unit: 's', description: 'For how long the first of them has been waited for; 0 when nothing is missing' },
  resolvedNumber: { name: 'meridian_resolve_cut_number', unit: '1', description: 'Number of the cut the answers of this region are at' },
} as const satisfies Readonly<Record<string, MetricName>>;

export const ATTRIBUTES = {
  region: 'region',
  log: 'log',
  code: 'code',
  loop: 'loop',
  method: 'method',
  route: 'route',
  status: 'status',
  /** A region whose rows replicate to `region`. */
  writer: 'writer',
  /** `ledger` or `control`. */
  table: 'table',
  /** Prefix of the partition key: `S`, `M`, `U`, … */
  kind: 'kind',
  refused: 'refused',
} as const;

export const SPANS = {
  /** One request of the ingest API. */
  accept: 'accept',
  /** One flush that holds records of requests which are recorded; linked to these. */
  fold: 'fold',
} as const;

/** Values of `event` in the log; those of HTTP stand in `libs/http/src/log-events.ts`. */
export const LOG_EVENTS = {
  started: 'service_started',
  accepted: 'events_accepted',
  flushed: 'fold_flushed',
  streamDoubted: 'stream_doubted',
  sampled: 'ends_sampled',
  cutAllocated: 'cut_allocated',
  reached: 'cut_reached',
  resolved: 'cut_resolved',
  retrying: 'retrying',
  alarm: 'alarm',
  shutdown: 'telemetry_shutdown',
} as const;
