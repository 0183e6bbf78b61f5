/** From environment variables to a running service: adapters by scheme, the region's logs registered. */
import { LevelEventLog } from '@meridian/event-log-level';
import { opening, type Environment, type MainService } from '@meridian/http';
import { LevelLedger } from '@meridian/ledger-level';
import { registerLogs } from '@meridian/pipeline';
import { nodeHash, systemClock } from '@meridian/system';
import { LOG_EVENTS, startTelemetry } from '@meridian/telemetry';
import { ingestConfig } from './config';
import { startIngest } from './service';

/** Throws `ConfigError`, `EventLogError` or `LedgerError`, with nothing left open. */
export async function startProcess(env: Environment): Promise<MainService> {
  const config = ingestConfig(env);
  const [region, clock] = [config.MERIDIAN_REGION, systemClock];
  return opening(async (opened) => {
    const telemetry = opened.add(startTelemetry({ serviceName: 'meridian-ingest', env }), (one) => one.shutdown());
    const ledger = opened.add(await LevelLedger.open({ directory: config.MERIDIAN_LEDGER.directory, clock }), (one) => one.close());
    const control = opened.add(await LevelLedger.open({ directory: config.MERIDIAN_CONTROL.directory, clock }), (one) => one.close());
    const log = opened.add(
      await LevelEventLog.open({
        directory: config.MERIDIAN_EVENT_LOG.directory, topic: config.MERIDIAN_EVENT_LOG_TOPIC, partitions: config.MERIDIAN_EVENT_LOG_PARTITIONS, clock,
      }),
      (one) => one.close(),
    );
    const logs = await registerLogs(control, region, await log.describe(), clock);
    const limits = {
      requestsMax: config.MERIDIAN_REQUESTS_MAX,
      tenantRequestsMax: config.MERIDIAN_TENANT_REQUESTS_MAX,
      bytesMax: config.MERIDIAN_REQUESTS_BYTES_MAX,
    };
    const listen = { host: config.MERIDIAN_HOST, port: config.MERIDIAN_PORT };
    const service = await startIngest({ region, listen, log, logs, ledger, clock, hash: nodeHash, telemetry, limits });
    telemetry.logger.info({ event: LOG_EVENTS.started, region, url: service.url });
    return service;
  });
}
