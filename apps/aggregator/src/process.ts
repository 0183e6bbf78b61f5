/** From environment variables to a running service: adapters by scheme, the region's logs registered. */
import { LevelEventLog } from '@meridian/event-log-level';
import { opening, type Environment, type MainService } from '@meridian/http';
import { LevelLedger } from '@meridian/ledger-level';
import { registerLogs } from '@meridian/pipeline';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { LOG_EVENTS, startTelemetry } from '@meridian/telemetry';
import { aggregatorConfig } from './config';
import { startAggregator } from './service';

/** Throws `ConfigError`, `EventLogError` or `LedgerError`, with nothing left open. */
export async function startProcess(env: Environment): Promise<MainService> {
  const config = aggregatorConfig(env);
  const [region, clock] = [config.MERIDIAN_REGION, systemClock];
  return opening(async (opened) => {
    const telemetry = opened.add(startTelemetry({ serviceName: 'meridian-aggregator', env }), (one) => one.shutdown());
    const ledger = opened.add(await LevelLedger.open({ directory: config.MERIDIAN_LEDGER.directory, clock }), (one) => one.close());
    const control = opened.add(await LevelLedger.open({ directory: config.MERIDIAN_CONTROL.directory, clock }), (one) => one.close());
    const log = opened.add(
      await LevelEventLog.open({
        directory: config.MERIDIAN_EVENT_LOG.directory, topic: config.MERIDIAN_EVENT_LOG_TOPIC, partitions: config.MERIDIAN_EVENT_LOG_PARTITIONS, clock,
      }),
      (one) => one.close(),
    );
    const logs = await registerLogs(control, region, await log.describe(), clock);
    const service = await startAggregator({
      region, listen: { host: config.MERIDIAN_HOST, port: config.MERIDIAN_PORT },
      log, logs, ledger, control, clock, random: systemRandom, hash: nodeHash, telemetry,
      sampleIntervalMs: config.MERIDIAN_SAMPLE_INTERVAL_MS,
      fold: {
        flushAgeMs: config.MERIDIAN_FLUSH_AGE_MS,
        flushIdleMs: config.MERIDIAN_FLUSH_IDLE_MS,
        bufferBytesMax: config.MERIDIAN_BUFFER_BYTES_MAX,
        stateBytesMax: config.MERIDIAN_STATE_BYTES_MAX,
        concurrency: config.MERIDIAN_FOLD_CONCURRENCY,
      },
    });
    telemetry.logger.info({ event: LOG_EVENTS.started, region, url: service.url });
    return service;
  });
}
