/**
 * Answers of the reconciliation service, as its JSON carries them. Totals are decimal strings, times RFC 3339 or null
 * for "not yet".
 */

export type TokensJson = Readonly<Record<string, string>>;

export interface ReasonJson {
  readonly code: string;
  readonly [detail: string]: unknown;
}

/** Beside every number: whether it is final, at which cut, as of when, and why not. */
export interface ClaimJson {
  readonly status: string;
  readonly cut: number;
  readonly asOf: string | null;
  readonly reasons: readonly ReasonJson[];
}

export interface SumJson {
  readonly events: number;
  readonly tokens: TokensJson;
  readonly total: string;
}

export interface SessionJson extends ClaimJson, SumJson {
  readonly tenant: string;
  readonly session: string;
  readonly byRegion: readonly ({ readonly region: string } & SumJson)[];
  readonly byModel: readonly ({ readonly provider: string; readonly model: string } & SumJson)[];
  readonly duplicates: number;
  readonly conflicts: number;
  readonly voided: number;
  readonly streams: number;
  readonly live?: SumJson & { readonly estimate: true };
}

export interface PositionJson {
  readonly log: string;
  readonly offset: number;
}

export interface EntryJson {
  readonly region: string;
  readonly log: string;
  readonly offset: number;
  readonly time: string;
  readonly kind: 'usage' | 'void';
  readonly provider?: string;
  readonly model?: string;
  readonly tokens?: TokensJson;
  readonly reason?: string;
  readonly outcome: string;
  readonly duplicateOf?: PositionJson;
  readonly conflictsWith?: PositionJson;
  readonly voidedBy?: readonly PositionJson[];
}

export interface ExplainJson extends ClaimJson {
  readonly tenant: string;
  readonly session: string;
  readonly entries: readonly EntryJson[];
}

export interface SessionListJson extends ClaimJson {
  readonly sessions: readonly ({ readonly session: string; readonly duplicates: number; readonly conflicts: number; readonly streams: number } & SumJson)[];
  /** Cursor of the next page; null at the end. */
  readonly next: string | null;
}

type UsageGroup = 'region' | 'provider' | 'model' | 'operation' | 'tier' | 'inferenceRegion' | 'counted';

export interface UsageJson extends ClaimJson {
  readonly by: 'hour' | 'day';
  readonly group: readonly UsageGroup[];
  readonly lines: readonly ({ readonly start: string; readonly duplicates: number } & SumJson & Readonly<Record<UsageGroup, string | undefined>>)[];
}

export interface LogJson {
  readonly log: string;
  readonly region: string;
  readonly end: number | null;
  readonly folded: number;
  readonly reached: number;
  readonly cut: number;
  readonly behind: number;
  readonly since: string | null;
  readonly counts: { readonly entries: number; readonly duplicates: number; readonly quarantined: number };
}

export interface CoverageJson extends ClaimJson {
  readonly logs: readonly LogJson[];
}

/** A row that did not say what the evidence says. */
export interface DifferenceJson {
  readonly row: string;
  readonly pk: string;
  readonly sk: string;
  readonly problem: string;
  readonly stored: unknown;
  readonly expected: unknown;
}

export interface JobJson {
  readonly id: string;
  readonly region: string;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed';
  readonly dryRun: boolean;
  readonly progress?: { readonly phase: string; readonly done: number; readonly total: number };
  readonly result?: {
    readonly cut: number;
    readonly sessions: number;
    readonly rows: number;
    readonly changes: number;
    readonly differences: readonly DifferenceJson[];
  };
  readonly error?: { readonly code: string; readonly message: string };
}

/** `GET /v1/logs`. */
export interface RegistryJson {
  readonly logs: readonly {
    readonly log: string;
    readonly region: string;
    readonly cluster: string;
    readonly topic: string;
    readonly writer: string;
    readonly retired: { readonly offset: number; readonly by: string; readonly reason: string; readonly at: string } | null;
  }[];
}

/** `POST /v1/logs/takeover`, `/v1/logs/retire` and `/v1/logs/new-lineage`. */
export interface HandedOverJson {
  readonly logs: readonly { readonly log: string; readonly offset: number }[];
}
