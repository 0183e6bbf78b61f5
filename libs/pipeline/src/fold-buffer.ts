/**
 * What a folder has read and not yet made durable: a range of the log, judged, by session. Memory only.
 */
import { hourOf, utf8Length, type Accepted, type Quarantined, type Shape } from '@meridian/accounting';
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
  readonly traces = new FlushTraces();
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

  private readonly usageLines = new Map<string, Map<Shape, Set<number>>>();
  private lastTenant = '';
  private lastShape: Shape | undefined;
  private lastHour = -1;

  get isEmpty(): boolean {
    return this.last === undefined;
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

  /** Forgets what lies below `offset`: someone else made it durable. */
  dropBelow(offset: number): void {
    for (const session of this.sessions) session.waiting = session.waiting.filter((entry) => entry.offset >= offset);
    this.sessions = this.sessions.filter((session) => session.waiting.length > 0);
    this.quarantined = this.quarantined.filter(({ record }) => record.offset >= offset);
  }

  /** Nothing waits any more: it is durable, or forgotten. */
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
