/** From environment variables to a running service: adapters by scheme, the region's logs registered. */
import { opening, type Environment, type MainService } from '@meridian/http';
import { registerLogs } from '@meridian/pipeline';
import { openEventLog, openLedger } from '@meridian/stores';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { LOG_EVENTS, startTelemetry } from '@meridian/telemetry';
import { aggregatorConfig } from './config';
import { startAggregator } from './service';

/** Throws `ConfigError`, `EventLogError` or `LedgerError`, with nothing left open. */
export async function startProcess(env: Environment): Promise<MainService> {
  const config = aggregatorConfig(env);
  const [region, clock] = [config.MERIDIAN_REGION, systemClock];
  const { MERIDIAN_LOG_REGION: logRegion = region, MERIDIAN_KAFKA_GROUP: group } = config;
  // Beside the owner's aggregators, not among them: either may be alive, and only one folds a log.
  const logConfig = logRegion === region ? config : { ...config, MERIDIAN_KAFKA_GROUP: `${group}.${region}` };
  return opening(async (opened) => {
    const telemetry = opened.add(startTelemetry({ serviceName: 'meridian-aggregator', env }), (one) => one.shutdown());
    const stores = { region, concurrency: config.MERIDIAN_DYNAMODB_CONCURRENCY, clock, random: systemRandom };
    const ledger = opened.add(await openLedger(config.MERIDIAN_LEDGER, { ...stores, onWrite: telemetry.ledgerWrites(region, 'ledger') }), (one) => one.close());
    const control = opened.add(await openLedger(config.MERIDIAN_CONTROL, { ...stores, onWrite: telemetry.ledgerWrites(region, 'control') }), (one) => one.close());
    const log = opened.add(await openEventLog(logConfig, { clientId: 'meridian-aggregator', region, clock }), (one) => one.close());
    const logs = await registerLogs(control, logRegion, log, clock);
    const service = await startAggregator({
      region, listen: { host: config.MERIDIAN_HOST, port: config.MERIDIAN_PORT },
      logRegion, log, logs, ledger, control, clock, random: systemRandom, hash: nodeHash, telemetry,
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
