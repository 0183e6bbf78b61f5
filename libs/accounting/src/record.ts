/**
 * The log record: the event as ingest stamped it, compact JSON in UTF-8; and the judgement of a record by the rule set
 * it is stamped with. The judgement is a pure function of the record and its append time: a replay, another region
 * and a newer binary agree.
 */
import { BUCKETS, type TokenCounts } from './bucket';
import { utf8Length } from './bytes';
import type { Hash } from './environment';
import type { Entry } from './entry';
import { AccountingError } from './errors';
import {
  CURRENT_RULES,
  DIMENSION_BYTES_MAX,
  EVENT_AGE_MAX_MS,
  EVENT_AHEAD_MAX_MS,
  NAME_BYTES_MAX,
  REASON_BYTES_MAX,
  type MeridianEvent,
} from './event';
import { Identifier, identify } from './identity';
import { Layout } from './layout';
import { NAME_PATTERN } from './log-id';
import type { Shape, Shapes } from './shape';

export const QUARANTINE_CODES = ['malformed', 'field_invalid', 'too_old', 'too_far_ahead'] as const;
export type QuarantineCode = (typeof QUARANTINE_CODES)[number];

export interface Accepted {
  readonly kind: 'accepted';
  readonly tenant: string;
  readonly session: string;
  readonly rules: number;
  readonly entry: Entry;
}

export interface Quarantined {
  readonly kind: 'quarantined';
  readonly code: QuarantineCode;
  /** What is wrong with which field, for a person. */
  readonly message: string;
  /** 0 when the record is too broken to carry one. */
  readonly rules: number;
  /** Empty when the record is too broken to tell. */
  readonly tenant: string;
}

export type Judgement = Accepted | Quarantined;

/** What the judgement needs of a log record. */
export interface JudgedRecord {
  readonly offset: number;
  /** Append time given by the log, ms since the epoch. */
  readonly time: number;
  readonly value: Uint8Array;
}

/** Neither replaces what is not UTF-8 nor takes off a byte order mark: JSON begins with none. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The record's value as text; the same event gives the same text. */
export function encodeRecord(event: MeridianEvent): string {
  const { kind, tenant, source, id, session, time } = event;
  if (kind === 'void') {
    return JSON.stringify({ rules: CURRENT_RULES, tenant, source, id, session, time, void: event.target, reason: event.reason });
  }
  const { provider, model, operation, tier, inferenceRegion, counted, tokens, requestId, attributes } = event;
  return JSON.stringify({
    rules: CURRENT_RULES, tenant, source, id, session, time, provider, model, operation, tier, inferenceRegion, counted,
    tokens: inBucketOrder(tokens), requestId, attributes,
  });
}

/** Mostly it is in order already. */
function inBucketOrder(tokens: TokenCounts): TokenCounts {
  let next = 0;
  for (const name in tokens) {
    next = BUCKET_NAMES.indexOf(name, next) + 1;
    if (next === 0) return reordered(tokens);
  }
  return tokens;
}

function reordered(tokens: TokenCounts): TokenCounts {
  const ordered: Partial<Record<string, number>> = {};
  for (const bucket of BUCKETS) if (tokens[bucket] !== undefined) ordered[bucket] = tokens[bucket];
  return ordered;
}

/** A record as parsed: nothing about it is trusted yet. */
type Raw = Readonly<Record<string, unknown>>;

/** Judges records; keeps the shapes it has seen. */
export class Judge {
  /** Of the record being judged, by bucket; what it does not report is left over from others. */
  private readonly counts: number[] = BUCKETS.map(() => 0);
  private readonly layout = new Layout();
  private readonly identifier: Identifier;

  constructor(
    private readonly hash: Hash,
    private readonly shapes: Shapes,
  ) {
    this.identifier = new Identifier(hash);
  }

  /** Throws `unknown_rules` for a rule set this binary does not know: the fold must stop, not guess. */
  judge(record: JudgedRecord): Judgement {
    return this.layout.read(record.value) ? this.judgeLayout(record) : this.judgeJson(record);
  }

  /** As `judgeJson`; all of the record but its time is acceptable. */
  private judgeLayout({ offset, time: appended, value }: JudgedRecord): Judgement {
    const { layout, identifier } = this;
    const { tenant, session, time } = layout;
    const refused = judgeAge(appended - time, tenant);
    if (refused) return refused;
    identifier.start();
    identifier.add(value, layout.tenantFrom, layout.tenantTo);
    identifier.add(value, layout.sessionFrom, layout.sessionTo);
    identifier.add(value, layout.sourceFrom, layout.sourceTo);
    identifier.add(value, layout.idFrom, layout.idTo);
    const identity = identifier.identity();
    const shape = this.shapes.usage(layout.dimensions, layout.bucketMask);
    const tokens = tokensOf(shape, layout.counts);
    return { kind: 'accepted', tenant, session, rules: 1, entry: { identity, offset, time, shape, tokens, target: '' } };
  }

  /** As `judge`, of any layout: the rules themselves. */
  judgeJson(record: JudgedRecord): Judgement {
    const raw = parse(record.value);
    if (typeof raw === 'string') return refuse('malformed', raw, 0, '');
    const { rules } = raw;
    if (typeof rules !== 'number' || !Number.isInteger(rules) || rules < 1) {
      return refuse('malformed', 'rules: missing or not a positive integer', 0, '');
    }
    if (rules !== CURRENT_RULES) {
      const what = `the record at offset ${record.offset} is stamped with rule set ${rules}`;
      throw new AccountingError('unknown_rules', `${what}; this binary knows ${CURRENT_RULES}. Upgrade it.`);
    }
    return this.judgeByRules1(raw, record);
  }

  private judgeByRules1(raw: Raw, { offset, time: appended }: JudgedRecord): Judgement {
    const { tenant, source, id, session, time } = raw;
    if (typeof tenant !== 'string' || !NAME_PATTERN.test(tenant)) {
      return refuse('field_invalid', 'tenant: missing or malformed', 1, '');
    }
    if (!isName(source) || !isName(id) || !isName(session)) {
      return refuse('field_invalid', 'source, id or session: missing, malformed or too long', 1, tenant);
    }
    if (!isCount(time)) return refuse('field_invalid', 'time: not an integer of milliseconds', 1, tenant);
    const refused = judgeAge(appended - time, tenant);
    if (refused) return refused;
    const content = raw['void'] === undefined ? this.usage(raw) : this.void(raw, tenant, session);
    if (typeof content === 'string') return refuse('field_invalid', content, 1, tenant);
    const identity = identify({ tenant, session, source, id }, this.hash);
    const { shape, tokens, target } = content;
    return { kind: 'accepted', tenant, session, rules: 1, entry: { identity, offset, time, shape, tokens, target } };
  }

  /** The message of what is wrong, or the content. */
  private usage(raw: Raw): string | Content {
    const { provider, model, operation = '', tier = '', inferenceRegion = '', counted, tokens: given } = raw;
    if (!isDimension(provider) || provider === '' || !isDimension(model) || model === '') {
      return 'provider or model: missing, malformed or too long';
    }
    if (!isDimension(operation) || !isDimension(tier) || !isDimension(inferenceRegion)) {
      return 'operation, tier or inferenceRegion: malformed or too long';
    }
    if (counted !== 'reported' && counted !== 'estimated') return 'counted: neither "reported" nor "estimated"';
    if (!isObject(given)) return 'tokens: missing';
    const { counts } = this;
    let mask = 0;
    let bucket = -1;
    for (const name in given) {
      bucket = bucketNumber(name, bucket + 1);
      if (bucket < 0) return 'tokens: an unknown bucket';
      const count = given[name];
      if (!isCount(count)) return `tokens.${name}: not an integer 0..2^53−1`;
      counts[bucket] = count;
      mask |= 1 << bucket;
    }
    if (mask === 0) return 'tokens: no bucket';
    const shape = this.shapes.usage({ provider, model, operation, tier, inferenceRegion, counted }, mask);
    return { shape, tokens: tokensOf(shape, counts), target: '' };
  }

  private void(raw: Raw, tenant: string, session: string): string | Content {
    const { void: target, reason } = raw;
    if (!isObject(target)) return 'void: not an object';
    const { source, id } = target;
    if (!isName(source) || !isName(id)) return 'void.source or void.id: missing, malformed or too long';
    if (typeof reason !== 'string' || !isText(reason, REASON_BYTES_MAX)) return 'reason: missing, malformed or too long';
    return { shape: this.shapes.void(reason), tokens: [], target: identify({ tenant, session, source, id }, this.hash) };
  }
}

type Content = Pick<Entry, 'shape' | 'tokens' | 'target'>;

const BUCKET_NAMES: readonly string[] = BUCKETS;

/** −1 when there is none of that name. Looked for from `next` on first: ingest writes buckets in their order. */
function bucketNumber(name: string, next: number): number {
  for (let number = next; number < BUCKET_NAMES.length; number++) if (BUCKET_NAMES[number] === name) return number;
  return BUCKET_NAMES.indexOf(name);
}

/** The record, or the message of why it is none. */
function parse(value: Uint8Array): Raw | string {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(value));
    return isObject(parsed) ? parsed : 'the record is not a JSON object';
  } catch {
    return 'the record is not JSON in UTF-8';
  }
}

/** `counts`: by bucket. */
function tokensOf({ buckets }: Shape, counts: readonly number[]): number[] {
  const tokens = new Array<number>(buckets.length);
  for (let i = 0; i < tokens.length; i++) tokens[i] = counts[buckets[i] as number] as number;
  return tokens;
}

function judgeAge(age: number, tenant: string): Quarantined | undefined {
  if (age > EVENT_AGE_MAX_MS) {
    return refuse('too_old', `time is ${age} ms before the append time; the limit is ${EVENT_AGE_MAX_MS} ms`, 1, tenant);
  }
  if (-age > EVENT_AHEAD_MAX_MS) {
    return refuse('too_far_ahead', `time is ${-age} ms after the append time; the limit is ${EVENT_AHEAD_MAX_MS} ms`, 1, tenant);
  }
  return undefined;
}

function refuse(code: QuarantineCode, message: string, rules: number, tenant: string): Quarantined {
  return { kind: 'quarantined', code, message, rules, tenant };
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Non-empty, well-formed, no control characters, at most NAME_BYTES_MAX bytes: `source`, `id`, `session`. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isText(value, NAME_BYTES_MAX);
}

function isDimension(value: unknown): value is string {
  return typeof value === 'string' && isText(value, DIMENSION_BYTES_MAX);
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Well-formed Unicode without control characters, at most `bytesMax` bytes of UTF-8. */
export function isText(value: string, bytesMax: number): boolean {
  if (value.length > bytesMax) return false;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20) return false;
    // Nearly all text is plain ASCII; only other text takes the three more looks.
    if (unit > 0x7e) return !CONTROL.test(value) && value.isWellFormed() && utf8Length(value) <= bytesMax;
  }
  return true;
}
