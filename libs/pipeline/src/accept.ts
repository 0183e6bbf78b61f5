/**
 * Accepting events: choose the log by session, append, answer where they stand. An event is accepted exactly when its
 * record is durable in the log; nothing is remembered here.
 */
import { RecordWriter, type Clock, type LogId, type MeridianEvent } from '@meridian/accounting';
import type { Draft, EventLog } from '@meridian/event-log';
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

export class Acceptor {
  private readonly writer = new RecordWriter();

  constructor(private readonly parts: AcceptorParts) {}

  /** Resolves when every event is durable; rejects with `EventLogError` when any may not be: then none is acknowledged. */
  accept(events: readonly MeridianEvent[], headers?: Readonly<Record<string, string>>): Promise<Through> {
    const began = this.parts.clock.now();
    // Nothing holds the events while their records are waited for: what is garbage young is collected cheaply.
    return this.append(this.draftsOf(events, headers), began);
  }

  private draftsOf(events: readonly MeridianEvent[], headers: Readonly<Record<string, string>> | undefined): Draft[] {
    const { logs } = this.parts;
    return events.map((event) => {
      const key = `${event.tenant}/${event.session}`;
      const partition = partitionOf(key, logs.length);
      const value = this.writer.write(event);
      return headers ? { partition, key, value, headers } : { partition, key, value };
    });
  }

  private async append(drafts: readonly Draft[], began: number): Promise<Through> {
    const { log, logs, clock, probe } = this.parts;
    const positions = await log.append(drafts);
    const ends = logs.map(() => 0);
    for (const { partition, offset } of positions) if (offset >= (ends[partition] as number)) ends[partition] = offset + 1;
    const through: Record<LogId, number> = {};
    for (const [partition, end] of ends.entries()) if (end > 0) through[logs[partition] as LogId] = end;
    probe.accepted({ events: positions.length, durationMs: clock.now() - began });
    return through;
  }
}

const encoder = new TextEncoder();
/** Bytes of UTF-8 that one UTF-16 unit can take. */
const UTF8_BYTES_MAX = 3;
/** Where keys are encoded: enough for a tenant and a session as they are accepted. */
const keyBytes = new Uint8Array(1_024);

/** As Kafka's default partitioner places a keyed record: murmur2 of the key's UTF-8 bytes, sign cleared, modulo. */
export function partitionOf(key: string, partitions: number): number {
  const scratch = key.length * UTF8_BYTES_MAX <= keyBytes.length ? keyBytes : new Uint8Array(key.length * UTF8_BYTES_MAX);
  return (murmur2(scratch, encodeInto(key, scratch)) & 0x7fffffff) % partitions;
}

/** Answers the length. ASCII by ourselves: for texts as short as keys the encoder takes longer. */
function encodeInto(text: string, bytes: Uint8Array): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encoder.encodeInto(text, bytes).written;
    bytes[i] = unit;
  }
  return text.length;
}

/** MurmurHash2, 32 bit, seed 0x9747b28c (org.apache.kafka.common.utils.Utils.murmur2), of bytes [0, length). */
function murmur2(data: Uint8Array, length: number): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = (data[i] as number) | ((data[i + 1] as number) << 8) | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = length - whole;
  if (rest === 3) h ^= (data[whole + 2] as number) << 16;
  if (rest >= 2) h ^= (data[whole + 1] as number) << 8;
  if (rest >= 1) h = Math.imul(h ^ (data[whole] as number), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}
