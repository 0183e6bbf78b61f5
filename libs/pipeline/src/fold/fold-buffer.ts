/**
 * What a folder has read since the last manifest: a range of the log, judged, by session. What was written of it is kept
 * until the manifest, in case someone else's comes first. Memory only.
 */
import { hourOf, utf8Length, type Accepted, type Entry, type Quarantined, type Shape } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { FlushTraces } from './flush-traces';
import { NONE_WAITING, type FoldedSession } from './sessions';

export interface BufferedQuarantine {
  readonly record: LogRecord;
  readonly judgement: Quarantined;
}

/** Upper estimates, in bytes of a manifest, of what one more touched session, tenant and usage line take beyond their text. */
const TOUCHED_OVERHEAD_BYTES = 12;
const TENANT_OVERHEAD_BYTES = 16;
const USAGE_LINE_OVERHEAD_BYTES = 120;

export class FoldBuffer {
  /** With something waiting, in the order of their first. */
  sessions: FoldedSession[] = [];
  quarantined: BufferedQuarantine[] = [];
  /** How many of the quarantined are written. */
  quarantinedWritten = 0;
  /** Written: sessions, as often as they were, and the entries of each. */
  private writtenSessions: FoldedSession[] = [];
  private writtenEntries: Entry[][] = [];
  traces = new FlushTraces();
  rules = 0;
  /** Records that wait to be written. */
  waiting = 0;
  /** Bytes of record values, about what the buffer takes. */
  bytes = 0;
  /** Estimate of the manifest's size, never too low by more than a record's share. */
  manifestBytes = 0;
  /** When the first and the last that wait were taken. */
  firstAt = 0;
  lastAt = 0;
  /** Append time and leader epoch of the first that waits. */
  firstAppended = 0;
  firstEpoch = 0;
  last: LogRecord | undefined;

  private readonly usageLines = new Map<string, Map<Shape, Set<number>>>();
  private lastTenant = '';
  private lastShape: Shape | undefined;
  private lastHour = -1;

  /** Records every record, in offset order. */
  note(record: LogRecord, now: number): void {
    if (this.waiting++ === 0) {
      this.firstAt = now;
      this.firstAppended = record.time;
      this.firstEpoch = record.epoch;
    }
    this.last = record;
    this.lastAt = now;
    this.bytes += record.value.length;
    if (record.headers) this.traces.note(record.headers);
  }

  addAccepted({ rules, tenant, entry }: Accepted, session: FoldedSession): void {
    if (rules > this.rules) this.rules = rules;
    if (session.waiting.length > 0) session.waiting.push(entry);
    else {
      session.waiting = [entry];
      this.sessions.push(session);
      this.manifestBytes += utf8Length(session.session) + TOUCHED_OVERHEAD_BYTES;
    }
    const { shape, time } = entry;
    const hour = hourOf(time);
    if (shape !== this.lastShape || hour !== this.lastHour || tenant !== this.lastTenant) this.noteUsageLine(tenant, shape, hour);
  }

  addQuarantined(record: LogRecord, judgement: Quarantined): void {
    if (judgement.rules > this.rules) this.rules = judgement.rules;
    this.quarantined.push({ record, judgement });
  }

  /** What waits of the session is written. */
  noteWritten(session: FoldedSession): void {
    this.writtenSessions.push(session);
    this.writtenEntries.push(session.waiting);
    session.waiting = NONE_WAITING;
  }

  /** All that waits is written. */
  endWrite(): void {
    this.sessions = [];
    this.waiting = 0;
    this.traces = new FlushTraces();
  }

  /** Everything from `offset` on waits again; what lies below, someone else's manifest covers. */
  recall(offset: number): void {
    const entries = new Map<FoldedSession, Entry[]>();
    for (const [at, session] of this.writtenSessions.entries()) entries.set(session, [...(entries.get(session) ?? []), ...(this.writtenEntries[at] as Entry[])]);
    for (const session of this.sessions) entries.set(session, [...(entries.get(session) ?? []), ...session.waiting]);
    [this.sessions, this.writtenSessions, this.writtenEntries] = [[], [], []];
    for (const [session, all] of entries) {
      session.waiting = all.filter((entry) => entry.offset >= offset);
      if (session.waiting.length > 0) this.sessions.push(session);
    }
    this.quarantined = this.quarantined.filter(({ record }) => record.offset >= offset);
    this.quarantinedWritten = 0;
    this.waiting = (this.last?.offset ?? offset - 1) + 1 - offset;
  }

  /** Nothing waits any more: it is forgotten. */
  empty(): void {
    for (const session of this.sessions) session.waiting = NONE_WAITING;
  }

  private noteUsageLine(tenant: string, shape: Shape, hour: number): void {
    this.lastTenant = tenant;
    this.lastShape = shape;
    this.lastHour = hour;
    let shapes = this.usageLines.get(tenant);
    if (!shapes) {
      this.usageLines.set(tenant, (shapes = new Map<Shape, Set<number>>()));
      // It stands before its sessions and before its lines.
      this.manifestBytes += 2 * tenant.length + TENANT_OVERHEAD_BYTES;
    }
    let hours = shapes.get(shape);
    if (!hours) {
      shapes.set(shape, (hours = new Set()));
      this.manifestBytes += shape.text.length * 3;
    }
    if (hours.has(hour)) return;
    hours.add(hour);
    this.manifestBytes += USAGE_LINE_OVERHEAD_BYTES;
  }
}
