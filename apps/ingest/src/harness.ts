/** For tests: a real ingest service on a log and a ledger in memory, and how to talk to it. */
import { randomBytes } from 'node:crypto';
import { MemoryEventLog, type EventLog } from '@meridian/event-log';
import { createApiKey, type Problem, type RunningService } from '@meridian/http';
import { MemoryLedger, type Scope } from '@meridian/ledger';
import { registerLogs } from '@meridian/pipeline';
import { nodeHash, systemClock } from '@meridian/system';
import { startTelemetry, type Telemetry } from '@meridian/telemetry';
import type { IngestLimits } from './bodies';
import type { IntakeAnswer } from './intake';
import { startIngest } from './service';

const BATCH = 'application/cloudevents-batch+json';
export const SINGLE = 'application/cloudevents+json';

export interface HarnessOptions {
  readonly limits?: Partial<IngestLimits>;
  /** What stands between the service and the log in memory. */
  readonly wrap?: (log: EventLog) => EventLog;
  /** Where log lines go. */
  readonly lines?: string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly type: string | null;
  readonly text: string;
  readonly body: Body;
}

/** Whatever came: tests look at the members that they expect. */
export interface Body extends IntakeAnswer, Problem {
  readonly paths: Readonly<Record<string, { readonly post: { readonly requestBody: { readonly content: Readonly<Record<string, { readonly schema: BatchSchema }>> } } }>>;
}

interface BatchSchema {
  readonly maxItems: number;
  readonly items: { readonly anyOf: readonly [{ readonly properties: { readonly id: object; readonly data: { readonly properties: { readonly tokens: { readonly properties: object } } } } }] };
}

export class Harness {
  readonly ledger = new MemoryLedger();
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'test', topic: 'events', partitions: 2 }, clock: systemClock });
  telemetry!: Telemetry;
  service!: RunningService;
  key!: string;

  static async start({ limits, wrap = (log) => log, lines }: HarnessOptions = {}): Promise<Harness> {
    const harness = new Harness();
    const { ledger, log } = harness;
    const env = { LOG_LEVEL: lines ? 'trace' : 'silent' };
    harness.telemetry = startTelemetry({ serviceName: 'test', env, ...(lines && { logTo: { write: (line: string) => void lines.push(line) } }) });
    harness.key = await harness.newKey('acme', ['ingest', 'void']);
    const logs = await registerLogs(new MemoryLedger(), 'eu', log, systemClock);
    harness.service = await startIngest({
      region: 'eu', listen: { host: '127.0.0.1', port: 0 }, log: wrap(log), logs, ledger, clock: systemClock, hash: nodeHash,
      telemetry: harness.telemetry, ...(limits && { limits }),
    });
    return harness;
  }

  newKey(tenant: string, scopes: readonly Scope[]): Promise<string> {
    return createApiKey(this.ledger, nodeHash, { tenant, scopes, clock: systemClock, randomBytes });
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${this.service.url}${path}`, init);
    const text = await response.text();
    const type = response.headers.get('content-type');
    return { status: response.status, headers: response.headers, type, text, body: (type?.includes('json') ? JSON.parse(text) : undefined) as Body };
  }

  /** Posts a body as it is. */
  post(body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.fetch('/v1/events', { method: 'POST', body, headers: { authorization: `Bearer ${this.key}`, 'content-type': BATCH, ...headers } });
  }

  batch(...events: readonly unknown[]): Promise<Answer> {
    return this.post(JSON.stringify(events));
  }

  /** Values of all records in the log, parsed. */
  async records(): Promise<Record<string, unknown>[]> {
    const all = await Promise.all((await this.log.extents()).map((extent, partition) => this.log.read(partition, extent.start, 10_000)));
    return all.flat().map(({ value }) => JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>);
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.telemetry.shutdown();
  }
}

let ids = 0;

/** A sound usage event; `data` is added to its data, the rest replaces members. */
export function usage({ data, ...members }: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    specversion: '1.0', type: 'meridian.usage.v1', source: 'chat', id: `e${ids++}`, time: '2026-01-01T00:00:00Z', subject: 's1',
    data: { provider: 'openai', model: 'gpt-4o', tokens: { input: 10, output: 5 }, ...(data as object | undefined) },
    ...members,
  };
}

export function voiding(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...usage(), type: 'meridian.void.v1', data };
}
