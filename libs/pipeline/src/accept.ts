/**
 * Accepting events: choose the log by session, append, answer where they stand. An event is accepted exactly when its
 * record is durable in the log; nothing is remembered here.
 */
import { encodeRecord, utf8Length, type Clock, type LogId, type MeridianEvent } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import type { Probe } from './probe';

/** Offsets up to which (exclusive) the accepted events stand, by log: a cut that covers these covers the events. */
export type Through = Readonly<Record<LogId, number>>;

export interface AcceptorParts {
  readonly log: EventLog;
  /** The registered log of each partition. */
  readonly logs: readonly LogId[];
  readonly clock: Clock;
  readonly probe: Probe;
}

const encoder = new TextEncoder();
/** Bytes of UTF-8 that one UTF-16 unit can take. */
const UTF8_BYTES_MAX = 3;
/** Where keys are encoded: enough for a tenant and a session as they are accepted. */
const keyBytes = new Uint8Array(1_024);

export class Acceptor {
  constructor(private readonly parts: AcceptorParts) {}

  /** Resolves when every event is durable; rejects with `EventLogError` when any may not be: then none is acknowledged. */
  async accept(events: readonly MeridianEvent[], headers?: Readonly<Record<string, string>>): Promise<Through> {
    const { log, logs, clock, probe } = this.parts;
    const began = clock.now();
    const values = encodeAll(events.map(encodeRecord));
    const drafts = events.map((event, i) => {
      const key = `${event.tenant}/${event.session}`;
      const draft = { partition: partitionOf(key, logs.length), key, value: values[i] as Uint8Array };
      return headers ? { ...draft, headers } : draft;
    });
    const positions = await log.append(drafts);
    const through: Record<LogId, number> = {};
    for (const { partition, offset } of positions) {
      const id = logs[partition] as LogId;
      through[id] = Math.max(through[id] ?? 0, offset + 1);
    }
    probe.accepted({ events: events.length, durationMs: clock.now() - began });
    return through;
  }
}

/** UTF-8 of each text, encoded in one go: a call for every one of them would cost more than all the rest. */
function encodeAll(texts: readonly string[]): Uint8Array[] {
  const joined = texts.join('');
  const bytes = encoder.encode(joined);
  const isAscii = bytes.length === joined.length;
  let at = 0;
  return texts.map((text) => bytes.subarray(at, (at += isAscii ? text.length : utf8Length(text))));
}

/** As Kafka's default partitioner places a keyed record: murmur2 of the key's UTF-8 bytes, sign cleared, modulo. */
export function partitionOf(key: string, partitions: number): number {
  const scratch = key.length * UTF8_BYTES_MAX <= keyBytes.length ? keyBytes : new Uint8Array(key.length * UTF8_BYTES_MAX);
  const { written } = encoder.encodeInto(key, scratch);
  return (murmur2(scratch.subarray(0, written)) & 0x7fffffff) % partitions;
}

/** MurmurHash2, 32 bit, seed 0x9747b28c (org.apache.kafka.common.utils.Utils.murmur2). */
function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ data.length;
  const whole = data.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = (data[i] as number) | ((data[i + 1] as number) << 8) | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = data.length - whole;
  if (rest === 3) h ^= (data[whole + 2] as number) << 16;
  if (rest >= 2) h ^= (data[whole + 1] as number) << 8;
  if (rest >= 1) h = Math.imul(h ^ (data[whole] as number), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}
