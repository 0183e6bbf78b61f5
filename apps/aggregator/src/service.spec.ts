import type { LogId, MeridianEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { keys, MemoryLedger } from '@meridian/ledger';
import { Acceptor, registerLogs, silentProbe, type FoldSettings } from '@meridian/pipeline';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { startTelemetry, type Telemetry } from '@meridian/telemetry';
import { startAggregator, type RunningAggregator } from './service';

const LOG = 'eu.0.0' as LogId;
const clock = systemClock;

/** One region with one log, in memory. */
class Region {
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'test', topic: 'events', partitions: 1 }, clock });
  readonly ledger = new MemoryLedger();
  readonly control = new MemoryLedger();
  readonly lines: string[] = [];
  readonly telemetry: Telemetry = startTelemetry({ serviceName: 'test', env: { LOG_LEVEL: 'debug' }, logTo: { write: (line: string) => void this.lines.push(line) } });
  private sent = 0;

  async start(fold: Partial<FoldSettings> = {}): Promise<RunningAggregator> {
    const { log, ledger, control, telemetry } = this;
    const logs = await registerLogs(control, 'eu', log, clock);
    return startAggregator({
      region: 'eu', listen: { host: '127.0.0.1', port: 0 }, log, logs, ledger, control, clock, random: systemRandom, hash: nodeHash, telemetry,
      fold: { flushAgeMs: 20, flushIdleMs: 10, ...fold }, sampleIntervalMs: 10,
    });
  }

  async send(count: number): Promise<void> {
    const events = Array.from({ length: count }, (): MeridianEvent => ({
      kind: 'usage', tenant: 'acme', source: 'chat', id: `payload-${this.sent++}`, session: 's', time: clock.now(), provider: 'p', model: 'm', tokens: { input: 1 }, counted: 'reported',
    }));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await new Acceptor({ log: this.log, logs: [LOG], clock, probe: silentProbe }).accept(events, { traceparent });
  }

  manifests(): number {
    return [...this.ledger.all()].filter(({ pk }) => pk.startsWith('M#')).length;
  }

  /** Records folded, by the metrics of the process. */
  async folded(): Promise<number> {
    const match = /^meridian_fold_records_total\{[^}]*\} (\d+)/m.exec(await this.telemetry.metrics());
    return match ? Number(match[1]) : 0;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await clock.sleep(5);
}

describe('an aggregator', () => {
  it('folds its log, samples its ends, and tells so without a word of any event', async () => {
    const region = new Region();
    const service = await region.start();
    await region.send(10);
    await until(() => region.manifests() > 0 && region.ledger.stored(keys.ends('eu', 0)) !== undefined);
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    await until(async () => (await region.folded()) === 10);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(/meridian_fold_age_seconds_count\{[^}]*log="eu.0.0"/);
    await service.close();
    await expect(service.ended).resolves.toBeUndefined();
    const flushed = region.lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ event }) => event === 'fold_flushed');
    expect(flushed).toMatchObject({ service: 'test', region: 'eu', log: 'eu.0.0', entries: expect.any(Number) as number, ageMs: expect.any(Number) as number });
    expect(region.lines.join('')).not.toMatch(/payload-/);
    await region.telemetry.shutdown();
  });

  it('flushes what it holds when it is closed, and does not when it is killed', async () => {
    const region = new Region();
    const patient = { flushAgeMs: 60_000, flushIdleMs: 60_000 };
    const killed = await region.start(patient);
    await region.send(5);
    await clock.sleep(50);
    await killed.kill();
    await expect(killed.ended).resolves.toBeUndefined();
    expect(region.manifests()).toBe(0);
    const closed = await region.start(patient);
    await clock.sleep(50);
    await closed.close();
    expect(region.manifests()).toBe(1);
    expect(await region.folded()).toBe(5);
    await region.telemetry.shutdown();
  });

  it('stops a log that holds records of a newer binary, with an alarm, and lives on', async () => {
    const region = new Region();
    const service = await region.start();
    await region.log.append([{ partition: 0, key: 'k', value: new TextEncoder().encode('{"rules":99}') }]);
    await until(async () => /meridian_alarms_total\{[^}]*code="log_unknown_rules"[^}]*\} 1/.test(await region.telemetry.metrics()));
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    await service.close();
    await region.telemetry.shutdown();
  });

  it('ends with the reason, and is not ready, when it lost its log', async () => {
    const region = new Region();
    const service = await region.start();
    await region.log.close();
    await expect(service.ended).rejects.toMatchObject({ code: 'log_closed' });
    expect(await region.telemetry.metrics()).toMatch(/meridian_alarms_total\{[^}]*code="fold_failed"[^}]*\} 1/);
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    await service.close();
    await region.telemetry.shutdown();
  });

  it('ends, the fold included, when its samples fail for good', async () => {
    const region = new Region();
    const service = await region.start();
    await region.control.close();
    await expect(service.ended).rejects.toMatchObject({ code: 'ledger_closed' });
    await service.close();
    await region.telemetry.shutdown();
  });
});
