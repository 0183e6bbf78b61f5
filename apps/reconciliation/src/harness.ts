/**
 * For tests: a little world of two regions on logs in memory, folded and sampled by the pipeline's own loops, with a
 * real reconciliation service each. Both share one ledger: replication without delay.
 */
import { randomBytes } from 'node:crypto';
import type { Static } from '@sinclair/typebox';
import type { LogId, UsageEvent, VoidEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { createApiKey, type Problem } from '@meridian/http';
import { MemoryLedger, type Scope } from '@meridian/ledger';
import { Acceptor, FOLD_DEFAULTS, FoldService, registerLogs, repeating, Sampler, segmentsWrittenBy } from '@meridian/pipeline';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { startTelemetry, type Telemetry } from '@meridian/telemetry';
import type { coverageSchema, explainSchema, jobSchema, sessionListSchema, sessionSchema, usageSchema } from './schema';
import { startReconciliation, type RunningReconciliation } from './service';

export const REGIONS = ['eu', 'us'] as const;
export type Region = (typeof REGIONS)[number];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Whatever came: tests look at the members that they expect. */
export type Body = Omit<Problem, 'status'> & Static<typeof sessionSchema> & Static<typeof explainSchema> & Static<typeof sessionListSchema>
  & Static<typeof usageSchema> & Static<typeof coverageSchema> & Omit<Static<typeof jobSchema>, 'result'> & { readonly result: NonNullable<Static<typeof jobSchema>['result']> };

/** Times in the tests: on the hour before the last one, well within what is accepted. */
export const HOUR = 3_600_000;
export const NOW = Math.floor(Date.now() / HOUR) * HOUR - HOUR;

interface RegionParts {
  readonly acceptor: Acceptor;
  readonly fold: FoldService;
  readonly sampling: Promise<void>;
  readonly service: RunningReconciliation;
}

export class World {
  readonly ledger = new MemoryLedger();
  readonly control = new MemoryLedger();
  key!: string;
  private telemetry!: Telemetry;
  private readonly stopping = new AbortController();
  private readonly regions = new Map<Region, RegionParts>();

  static async start(): Promise<World> {
    const world = new World();
    world.telemetry = startTelemetry({ serviceName: 'test', env: { LOG_LEVEL: 'silent' } });
    world.key = await world.newKey('acme', ['read', 'ops']);
    for (const region of REGIONS) world.regions.set(region, await world.startRegion(region));
    return world;
  }

  newKey(tenant: string, scopes: readonly Scope[]): Promise<string> {
    return createApiKey(this.ledger, nodeHash, { tenant, scopes, clock: systemClock, randomBytes });
  }

  service(region: Region): RunningReconciliation {
    return this.part(region).service;
  }

  async accept(region: Region, ...events: readonly (UsageEvent | VoidEvent)[]): Promise<void> {
    await this.part(region).acceptor.accept(events);
  }

  async request(path: string, { region = 'eu', key = this.key, ...init }: RequestInit & { readonly region?: Region; readonly key?: string } = {}): Promise<Answer> {
    const headers = { authorization: `Bearer ${key}`, ...(init.body !== undefined && { 'content-type': 'application/json' }), ...(init.headers as object) };
    const response = await fetch(`${this.part(region).service.url}${path}`, { ...init, headers });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as Body };
  }

  /** Asks again until the answer is as wanted; the test's own time limit ends it. */
  async until(path: string, isWanted: (answer: Answer) => boolean, options: Parameters<World['request']>[1] = {}): Promise<Answer> {
    for (;;) {
      const answer = await this.request(path, options);
      if (isWanted(answer)) return answer;
      await systemClock.sleep(10);
    }
  }

  /** Scrapes again until the metric is shown; the test's own time limit ends it. */
  async untilMetrics(pattern: RegExp): Promise<void> {
    for (;;) {
      const metrics = await (await fetch(`${this.service('eu').url}/metrics`)).text();
      if (pattern.test(metrics)) return;
      await systemClock.sleep(10);
    }
  }

  /** Of a world that is closed already: nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    for (const { service, fold, sampling } of this.regions.values()) {
      await service.close();
      await fold.close();
      await sampling;
    }
    await this.telemetry.shutdown();
  }

  private part(region: Region): RegionParts {
    return this.regions.get(region) as RegionParts;
  }

  private async startRegion(region: Region): Promise<RegionParts> {
    const { ledger, control, telemetry } = this;
    const [clock, hash, random, probe, { signal }] = [systemClock, nodeHash, systemRandom, telemetry.probe(region), this.stopping];
    const log = new MemoryEventLog({ incarnation: { cluster: region, topic: 'events', partitions: 2 }, clock });
    const logs = await registerLogs(control, region, log, clock);
    const segmentsOf = (id: LogId): ReturnType<typeof segmentsWrittenBy> => segmentsWrittenBy(control, region, id);
    const fold = new FoldService({ log, ledger, hash, clock, random, probe, logs, segmentsOf, openStream: () => Promise.resolve(), signal }, { ...FOLD_DEFAULTS, flushAgeMs: 50, flushIdleMs: 10 });
    await fold.start(log);
    const sampler = new Sampler({ log, ledger, control, region, logs, hash, clock, probe });
    const sampling = repeating('sample', 20, { clock, random, probe, signal }, async () => fold.sampled(await sampler.sample()));
    const service = await startReconciliation({
      region, listen: { host: '127.0.0.1', port: 0 }, ledger, control, clock, random, hash, telemetry, loopIntervalMs: 10, allocate: { cutIntervalMs: 30, cutWaitMs: 300 },
    });
    return { acceptor: new Acceptor({ log, logs, clock, probe }), fold, sampling, service };
  }
}

let ids = 0;

export function usage(changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    kind: 'usage', tenant: 'acme', source: 'chat', id: `e${ids++}`, session: 's1', time: NOW, provider: 'openai', model: 'gpt-4o',
    tokens: { input: 10, output: 5 }, counted: 'reported', ...changes,
  };
}

export function voiding(target: UsageEvent, reason = 'test traffic'): VoidEvent {
  const { tenant, source, id, session, time } = target;
  return { kind: 'void', tenant, source, id: `void-${id}`, session, time, target: { source, id }, reason };
}
