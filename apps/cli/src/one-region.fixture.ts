/**
 * For tests: one region over stores in memory, its services started one after the other, each with a telemetry of its
 * own as in a process of its own. Telemetry is registered process-wide: stop one before the next is started.
 */
import { randomBytes } from 'node:crypto';
import { startAggregator } from '@meridian/aggregator';
import type { LogId } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { createApiKey, type RunningService } from '@meridian/http';
import { startIngest } from '@meridian/ingest';
import { LedgerError, MemoryLedger, type Row, type VersionedRow } from '@meridian/ledger';
import { registerLogs } from '@meridian/pipeline';
import { startReconciliation } from '@meridian/reconciliation';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { startTelemetry, type Telemetry, type TelemetryOptions } from '@meridian/telemetry';

const region = 'eu';
const stores = { region, listen: { host: '127.0.0.1', port: 0 }, clock: systemClock, random: systemRandom, hash: nodeHash };

export type ServiceName = 'ingest' | 'aggregator' | 'reconciliation';

/** A service and the telemetry of its process. */
export interface Started {
  readonly url: string;
  readonly telemetry: Telemetry;
  readonly stop: () => Promise<void>;
}

/** Tells its writes as the ledger on DynamoDB does, and refuses the first replacement for load. */
class TellingLedger extends MemoryLedger {
  onWrite: ReturnType<Telemetry['ledgerWrites']> = () => undefined;
  isBusy = false;

  override async insert(row: Row): ReturnType<MemoryLedger['insert']> {
    const answer = await super.insert(row);
    this.onWrite({ kind: row.pk.replace(/#.*/, ''), units: 1, isRefused: answer === 'exists' });
    return answer;
  }

  override async replace(row: VersionedRow): ReturnType<MemoryLedger['replace']> {
    if (this.isBusy) {
      this.isBusy = false;
      throw new LedgerError('ledger_throttled', 'busy');
    }
    const answer = await super.replace(row);
    this.onWrite({ kind: row.pk.replace(/#.*/, ''), units: 1, isRefused: answer === 'stale' });
    return answer;
  }
}

export class OneRegion {
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'test', topic: 'events', partitions: 2 }, clock: systemClock });
  private readonly ledger = new TellingLedger();
  private readonly control = new TellingLedger();
  private readonly key = createApiKey(this.ledger, nodeHash, { tenant: 'acme', scopes: ['ingest', 'read'], clock: systemClock, randomBytes });

  async start(service: ServiceName, options: Partial<TelemetryOptions> = {}): Promise<Started> {
    const telemetry = startTelemetry({ serviceName: `meridian-${service}`, env: { LOG_LEVEL: 'silent' }, ...options });
    this.ledger.onWrite = telemetry.ledgerWrites(region, 'ledger');
    this.control.onWrite = telemetry.ledgerWrites(region, 'control');
    this.ledger.isBusy = true;
    const logs = await registerLogs(this.control, region, this.log, systemClock);
    const running = await this.startService(service, telemetry, logs);
    const stop = async (): Promise<void> => {
      await running.close();
      await telemetry.shutdown();
    };
    return { url: running.url, telemetry, stop };
  }

  /** Posts events to ingest; answers the status. */
  async post(url: string, events: readonly object[], headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const init = { method: 'POST', body: JSON.stringify(events), headers: await this.authorized({ 'content-type': 'application/cloudevents-batch+json', ...headers }) };
    return (await fetch(`${url}/v1/events`, init)).status;
  }

  /** Lets an aggregator fold what there is, and sample where the log ends. */
  async fold(options?: Partial<TelemetryOptions>): Promise<void> {
    const aggregator = await this.start('aggregator', options);
    await until(() => this.has('M#') && this.has('E#'));
    await aggregator.stop();
  }

  private has(prefix: string): boolean {
    return [...this.ledger.all()].some(({ pk }) => pk.startsWith(prefix));
  }

  private async authorized(headers: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    return { ...headers, authorization: `Bearer ${await this.key}` };
  }

  private startService(service: ServiceName, telemetry: Telemetry, logs: readonly LogId[]): Promise<RunningService> {
    const { log, ledger, control } = this;
    switch (service) {
      case 'ingest':
        return startIngest({ ...stores, log, logs, ledger, telemetry });
      case 'aggregator':
        return startAggregator({ ...stores, log, logs, ledger, control, telemetry, fold: { flushIdleMs: 10 }, sampleIntervalMs: 10 });
      case 'reconciliation':
        return startReconciliation({ ...stores, ledger, control, telemetry, loopIntervalMs: 10, allocate: { cutIntervalMs: 10, cutWaitMs: 20 } });
    }
  }
}

let ids = 0;

/** A sound event as it is posted. */
export function usage(session: string): Record<string, unknown> {
  const data = { provider: 'openai', model: 'gpt-4o', tokens: { input: 10, output: 5 } };
  return { specversion: '1.0', type: 'meridian.usage.v1', source: 'chat', id: `e${ids++}`, time: new Date().toISOString(), subject: session, data };
}

/** Asks again until it is so; the test's own time limit ends it. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await systemClock.sleep(5);
}
