/**
 * The oracle: what the totals must be, from the raw logs and the publishers' own record alone. It shares no code with
 * the product: it parses records itself, compares ids as text and knows nothing of deltas, manifests or streams.
 */

/** A record as the simulated broker keeps it. */
export interface RawRecord {
  readonly offset: number;
  readonly time: number;
  readonly value: Uint8Array;
}

/** The offset of each log in a cut: all the oracle wants to know of a cut. */
export type Vector = ReadonlyMap<string, number>;

export interface OracleLine {
  readonly tenant: string;
  readonly session: string;
  readonly hour: number;
  readonly region: string;
  readonly model: string;
  readonly tokens: ReadonlyMap<string, number>;
}

interface ParsedRecord extends OracleLine {
  readonly name: string;
  readonly content: string;
  readonly target: string | undefined;
}

interface RawEvent {
  readonly tenant: string;
  readonly session: string;
  readonly source: string;
  readonly id: string;
  readonly time: number;
  readonly model?: string;
  readonly tokens?: Readonly<Record<string, number>>;
  readonly void?: { readonly source: string; readonly id: string };
}

const OLDEST_MS = 35 * 24 * 3_600_000;
const AHEAD_MS = 5 * 60_000;

export interface Acknowledgement {
  readonly log: string;
  readonly offset: number;
  /** True time. */
  readonly at: number;
}

export interface Sent {
  readonly name: string;
  readonly json: string;
  readonly acknowledgements: Acknowledgement[];
}

export class Oracle {
  /** By log: the first record ever seen at each offset. */
  private readonly history = new Map<string, (ParsedRecord | undefined)[]>();
  private readonly raw = new Map<string, string[]>();
  readonly sent: Sent[] = [];
  /** Records that were cut off before they were folded, each with its log. */
  private readonly gone = new Set<string>();
  /** Logs given up, by the offset from which on nothing of them counts. */
  readonly retired = new Map<string, number>();

  /** Must be told of every record appended anywhere, at once. */
  appended(log: string, record: RawRecord): void {
    const records = this.history.get(log) ?? [];
    const raw = this.raw.get(log) ?? [];
    if (record.offset === records.length) {
      records.push(parse(log, record));
      raw.push(new TextDecoder().decode(record.value));
    }
    this.history.set(log, records);
    this.raw.set(log, raw);
  }

  /** The log was cut: what lay from `offset` on was folded nowhere, and is gone. */
  cut(log: string, offset: number): void {
    for (const json of this.raw.get(log)?.splice(offset) ?? []) this.gone.add(`${log} ${json}`);
    this.history.get(log)?.splice(offset);
  }

  /** Everything that counts at the vector: one record per event, no voided ones. */
  counted(vector: Vector): OracleLine[] {
    const events = new Map<string, ParsedRecord>();
    const voided = new Set<string>();
    for (const log of [...vector.keys()].sort(compareLogNames)) {
      for (const record of (this.history.get(log) ?? []).slice(0, vector.get(log))) {
        if (!record) continue;
        if (record.target !== undefined) voided.add(record.target);
        if (!events.has(record.name)) events.set(record.name, record);
      }
    }
    return [...events.values()].filter((event) => event.target === undefined && !voided.has(event.name));
  }

  /** Names of the events with a record in the vector. */
  present(vector: Vector): Set<string> {
    const names = new Set<string>();
    for (const [log, offset] of vector) for (const record of (this.history.get(log) ?? []).slice(0, offset)) if (record) names.add(record.name);
    return names;
  }

  /**
   * Acknowledged events of which no record is in the vector though one should be: acknowledged before `before`, and
   * not lost on record with a log that was given up.
   */
  missing(vector: Vector, before: number): Sent[] {
    return this.sent.filter(({ acknowledgements, json }) => {
      const early = acknowledgements.filter(({ at, log, offset }) => at < before && !(this.gone.has(`${log} ${json}`) && this.raw.get(log)?.[offset] !== json));
      if (early.length === 0) return false;
      if (early.some(({ log, offset }) => offset < (vector.get(log) ?? 0) && this.raw.get(log)?.[offset] === json)) return false;
      return !early.every(({ log, offset }) => this.isGivenUp(log, offset, json));
    });
  }

  private isGivenUp(log: string, offset: number, json: string): boolean {
    const end = this.retired.get(log);
    return end !== undefined && (offset >= end || this.raw.get(log)?.[offset] !== json);
  }
}

/** Undefined for a record that belongs in quarantine. */
function parse(log: string, { value, time: appended }: RawRecord): ParsedRecord | undefined {
  const event = JSON.parse(new TextDecoder().decode(value)) as RawEvent;
  if (appended - event.time > OLDEST_MS || event.time - appended > AHEAD_MS) return undefined;
  const { tenant, session } = event;
  const nameOf = ({ source, id }: { readonly source: string; readonly id: string }): string => JSON.stringify([tenant, session, source, id]);
  return {
    tenant,
    session,
    name: nameOf(event),
    content: JSON.stringify(event),
    target: event.void && nameOf(event.void),
    hour: Math.floor(event.time / 3_600_000),
    region: log.slice(0, log.indexOf('.')),
    model: event.model ?? '',
    tokens: new Map(Object.entries(event.tokens ?? {})),
  };
}

/** `region.lineage.partition`, numbers as numbers. */
function compareLogNames(a: string, b: string): number {
  const [regionA = '', lineageA = '', partitionA = ''] = a.split('.');
  const [regionB = '', lineageB = '', partitionB = ''] = b.split('.');
  if (regionA !== regionB) return regionA < regionB ? -1 : 1;
  return Number(lineageA) - Number(lineageB) || Number(partitionA) - Number(partitionB);
}

/** Sums lines by whatever `key` says, as sorted text: two sums are equal exactly when their texts are. */
export function sumText(lines: readonly OracleLine[], key: (line: OracleLine) => string): Map<string, string> {
  const sums = new Map<string, Map<string, number>>();
  for (const line of lines) {
    const name = key(line);
    const sum = sums.get(name) ?? new Map<string, number>([['events', 0]]);
    sum.set('events', (sum.get('events') ?? 0) + 1);
    for (const [bucket, count] of line.tokens) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
    sums.set(name, sum);
  }
  return new Map([...sums].map(([name, sum]) => [name, textOf(sum)]));
}

/** Counts that are zero say nothing. */
export function textOf(sum: ReadonlyMap<string, number | bigint>): string {
  return [...sum].filter(([, count]) => count !== 0 && count !== 0n).map(([bucket, count]) => `${bucket}=${count}`).sort().join(' ');
}
