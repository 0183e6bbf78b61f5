/**
 * The sample hour of conversations as events and as log records. A run may need more of it than there is: each copy is
 * the same hour an hour later, with sessions and ids of its own.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { encodeRecord, type UsageEvent } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';

const SAMPLE_FILE = resolve(__dirname, '../../samples/conversation-hour.csv');
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 15, 9);
/** From when the usage happened to when the log has it. */
const TRANSIT_MS = 250;

export const TENANT = 'bench';
export const SOURCE = 'conversations';
export const PROVIDER = 'moonshotai';
export const MODEL = 'kimi-k2';

/** The events of `copies` copies of the sample, in the order of their times. */
export function sampleEvents(copies = 1): UsageEvent[] {
  const rows = readFileSync(SAMPLE_FILE, 'utf8').trimEnd().split('\n').slice(1);
  return Array.from({ length: copies }, (_, copy) => rows.map((row, index) => event(row, index, copy))).flat();
}

function event(row: string, index: number, copy: number): UsageEvent {
  const [offsetMs, session, input, cached, output] = row.split(',') as [string, string, string, string, string];
  const suffix = copy === 0 ? '' : `-${copy}`;
  return {
    kind: 'usage',
    tenant: TENANT,
    source: SOURCE,
    id: `row-${index + 1}${suffix}`,
    session: `${session}${suffix}`,
    time: START_MS + copy * HOUR_MS + Number(offsetMs),
    provider: PROVIDER,
    model: MODEL,
    tokens: { input: Number(input) - Number(cached), cacheRead: Number(cached), output: Number(output) },
    counted: 'reported',
  };
}

/** The same, so that the last of them happened just now: a log that dates its records itself takes nothing old. */
export function recentEvents(copies = 1): UsageEvent[] {
  const events = sampleEvents(copies);
  const later = Date.now() - (events.at(-1) as UsageEvent).time;
  return events.map((one) => ({ ...one, time: one.time + later }));
}

/** The records ingest would have written, in one partition, offsets from 0. */
export function toRecords(events: readonly UsageEvent[]): LogRecord[] {
  return events.map((one, offset) => ({
    partition: 0,
    offset,
    value: Buffer.from(encodeRecord(one)),
    time: one.time + TRANSIT_MS,
    epoch: 0,
  }));
}
