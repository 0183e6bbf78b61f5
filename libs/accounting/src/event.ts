/**
 * The usage event and its limits, as accepted. Immutable. Text is never part of it.
 */
import type { TokenCounts } from './bucket';

/** The rule set ingest stamps on a record. A record is judged by the rules it is stamped with, now and in ten years. */
export const CURRENT_RULES = 1;

/** UTF-8 bytes of `source`, `id`, `session`, `requestId`. */
export const NAME_BYTES_MAX = 256;
/** UTF-8 bytes of `provider`, `model`, `operation`, `tier`, `inferenceRegion`. */
export const DIMENSION_BYTES_MAX = 128;
/** UTF-8 bytes of a void's reason. */
export const REASON_BYTES_MAX = 256;
export const ATTRIBUTES_MAX = 32;
/** An event may be this much older than its append time, inclusive: 35 days. */
export const EVENT_AGE_MAX_MS = 35 * 86_400_000;
/** An event may be this much ahead of its append time, inclusive: 5 minutes. */
export const EVENT_AHEAD_MAX_MS = 300_000;

interface EventHead {
  readonly tenant: string;
  /** Logical service name, not a pod: it is part of the identity. */
  readonly source: string;
  readonly id: string;
  readonly session: string;
  /** When the usage happened, ms since the epoch. */
  readonly time: number;
}

export interface UsageEvent extends EventHead {
  readonly kind: 'usage';
  readonly provider: string;
  readonly model: string;
  readonly tokens: TokenCounts;
  readonly counted: 'reported' | 'estimated';
  readonly operation?: string;
  readonly tier?: string;
  readonly inferenceRegion?: string;
  readonly requestId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface VoidEvent extends EventHead {
  readonly kind: 'void';
  /** The event of the same session that must not count. */
  readonly target: { readonly source: string; readonly id: string };
  readonly reason: string;
}

export type MeridianEvent = UsageEvent | VoidEvent;
