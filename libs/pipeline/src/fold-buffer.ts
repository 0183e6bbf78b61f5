/**
 * What a folder has read and not yet made durable: a range of the log, judged, by session. Memory only.
 */
import { hourOf, utf8Length, type Accepted, type Entry, type Quarantined, type Shape } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';

export interface BufferedSession {
  readonly tenant: string;
  readonly session: string;
  /** In offset order. */
  entries: Entry[];
}

export interface BufferedQuarantine {
  readonly record: LogRecord;
  readonly judgement: Quarantined;
}

/** Trace contexts kept per flush: enough to follow a batch, bounded whatever its size. */
const TRACES_MAX = 16;
/** Upper estimates, in bytes of a manifest, of what one more touched session and one more usage line take beyond their text. */
const TOUCHED_OVERHEAD_BYTES = 12;
const TENANT_OVERHEAD_BYTES = 80;
const USAGE_LINE_OVERHEAD_BYTES = 120;

export class FoldBuffer {
  private readonly tenants = new Map<string, Map<string, BufferedSession>>();
  quarantined: BufferedQuarantine[] = [];
  readonly traces: Readonly<Record<string, string>>[] = [];
  rules = 0;
  /** Bytes of record values, about what the buffer takes. */
  bytes = 0;
  /** Estimate of the manifest's size, never too low by more than a record's share. */
  manifestBytes = 0;
  firstAt = 0;
  lastAt = 0;
  /** Append time of the first record. */
  firstAppended = 0;
  last: LogRecord | undefined;

  private readonly usageLines = new Map<Shape, Set<number>>();
  private lastShape: Shape | undefined;
  private lastHour = -1;

  get isEmpty(): boolean {
    return this.last === undefined;
  }

  get sessions(): BufferedSession[] {
    return [...this.tenants.values()].flatMap((sessions) => [...sessions.values()]);
  }

  /** Records every record, in offset order. */
  note(record: LogRecord, now: number): void {
    if (!this.last) {
      this.firstAt = now;
      this.firstAppended = record.time;
    }
    this.last = record;
    this.lastAt = now;
    this.bytes += record.value.length;
    if (record.headers && this.traces.length < TRACES_MAX) this.traces.push(record.headers);
  }

  addAccepted(accepted: Accepted): void {
    if (accepted.rules > this.rules) this.rules = accepted.rules;
    const { tenant, session, entry } = accepted;
    const sessions = this.sessionsOf(tenant);
    const buffered = sessions.get(session);
    if (buffered) buffered.entries.push(entry);
    else {
      sessions.set(session, { tenant, session, entries: [entry] });
      this.manifestBytes += utf8Length(session) + TOUCHED_OVERHEAD_BYTES;
    }
    const { shape, time } = entry;
    const hour = hourOf(time);
    if (shape !== this.lastShape || hour !== this.lastHour) this.noteUsageLine(shape, hour);
  }

  addQuarantined(record: LogRecord, judgement: Quarantined): void {
    if (judgement.rules > this.rules) this.rules = judgement.rules;
    this.quarantined.push({ record, judgement });
  }

  /** Forgets what lies below `offset`: someone else made it durable. */
  dropBelow(offset: number): void {
    for (const sessions of this.tenants.values()) {
      for (const [name, session] of sessions) {
        session.entries = session.entries.filter((entry) => entry.offset >= offset);
        if (session.entries.length === 0) sessions.delete(name);
      }
    }
    this.quarantined = this.quarantined.filter(({ record }) => record.offset >= offset);
  }

  private sessionsOf(tenant: string): Map<string, BufferedSession> {
    let sessions = this.tenants.get(tenant);
    if (!sessions) {
      this.tenants.set(tenant, (sessions = new Map()));
      this.manifestBytes += tenant.length + TENANT_OVERHEAD_BYTES;
    }
    return sessions;
  }

  private noteUsageLine(shape: Shape, hour: number): void {
    this.lastShape = shape;
    this.lastHour = hour;
    let hours = this.usageLines.get(shape);
    if (!hours) this.usageLines.set(shape, (hours = new Set()));
    if (hours.has(hour)) return;
    hours.add(hour);
    this.manifestBytes += shape.text.length * 3 + USAGE_LINE_OVERHEAD_BYTES;
  }
}
