/**
 * What the loops tell about themselves. `libs/telemetry` turns it into metrics, spans and log lines; the simulator and
 * most tests pass `silentProbe`. Called once per batch, never per event; must not throw.
 */
import type { LogId } from '@meridian/accounting';
import type { Lag } from './fold/lag';

export interface Flushed {
  readonly log: LogId;
  readonly records: number;
  readonly entries: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly deltas: number;
  /** Bytes of deltas written. */
  readonly bytes: number;
  readonly durationMs: number;
  /** now − append time of the oldest record of the flush. */
  readonly ageMs: number;
  /** Trace contexts (record headers) of some of its records. */
  readonly traces: readonly Readonly<Record<string, string>>[];
}

export interface LogLag extends Lag {
  readonly log: LogId;
  /** An alarm stopped it: it falls behind until a person acts. */
  readonly isStopped: boolean;
}

/** What one region wrote and this replica still waits for. */
export interface WriterLag {
  readonly writer: string;
  /** Manifests and deltas below the newest cut that are not here. */
  readonly missing: number;
  /** Since when, ms since the epoch; undefined when nothing is missing. */
  readonly since: number | undefined;
}

export interface Reached {
  /** Number and T of the newest cut known here. */
  readonly k: number;
  readonly asOf: number;
  /** Logs and regions that it goes without. */
  readonly lagging: number;
  /** T of the newest cut reached here; 0 = none. */
  readonly reachedAsOf: number;
  /** Streams that are short of the newest cut known here. */
  readonly waitingFor: number;
  /** Of every region that wrote something below that cut. */
  readonly writers: readonly WriterLag[];
}

/**
 * Conditions that a person has to look at. Each has a runbook of its name. The first three stop one log and the others go
 * on; the rest put the member out of its group, and its process ends with the reason.
 */
export const ALARM_CODES = [
  'log_truncated', 'log_gap', 'log_unknown_rules',
  'log_out_of_range', 'log_missing', 'log_repartitioned', 'log_replaced', 'log_rewound', 'fold_failed',
] as const;
export type AlarmCode = (typeof ALARM_CODES)[number];

export interface Probe {
  accepted(told: { readonly events: number; readonly durationMs: number }): void;
  flushed(told: Flushed): void;
  /** All logs that are folded here or were stopped here: one that is not told any more is not ours any more. */
  behind(told: readonly LogLag[]): void;
  sampled(told: { readonly region: string; readonly logs: number }): void;
  cutAllocated(told: { readonly k: number; readonly asOf: number; readonly lagging: number }): void;
  reached(told: Reached): void;
  resolved(told: { readonly k: number; readonly sessions: number; readonly rows: number; readonly durationMs: number }): void;
  /** A log is folded by another stream from here on: nobody has to act. */
  streamDoubted(told: { readonly log: LogId; readonly message: string }): void;
  /** An operating error that will be retried. */
  retrying(told: { readonly what: string; readonly error: Error; readonly afterMs: number }): void;
  alarm(told: { readonly code: AlarmCode; readonly log: LogId; readonly message: string }): void;
}

function nothing(): void {
  // Nobody listens.
}

export const silentProbe: Probe = {
  accepted: nothing,
  flushed: nothing,
  behind: nothing,
  sampled: nothing,
  cutAllocated: nothing,
  reached: nothing,
  resolved: nothing,
  streamDoubted: nothing,
  retrying: nothing,
  alarm: nothing,
};
