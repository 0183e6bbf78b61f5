/** From environment variables to a running service: adapters by scheme, the region's logs registered. */
import { opening, type Environment, type MainService } from '@meridian/http';
import { registerLogs } from '@meridian/pipeline';
import { openEventLog, openLedger } from '@meridian/stores';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { LOG_EVENTS, startTelemetry } from '@meridian/telemetry';
import { ingestConfig } from './config';
import { startIngest } from './service';

/** Throws `ConfigError`, `EventLogError` or `LedgerError`, with nothing left open. */
export async function startProcess(env: Environment): Promise<MainService> {
  const config = ingestConfig(env);
  const [region, clock] = [config.MERIDIAN_REGION, systemClock];
  return opening(async (opened) => {
    const telemetry = opened.add(startTelemetry({ serviceName: 'meridian-ingest', env }), (one) => one.shutdown());
    const stores = { region, concurrency: config.MERIDIAN_DYNAMODB_CONCURRENCY, clock, random: systemRandom };
    const ledger = opened.add(await openLedger(config.MERIDIAN_LEDGER, { ...stores, onWrite: telemetry.ledgerWrites(region, 'ledger') }), (one) => one.close());
    const control = opened.add(await openLedger(config.MERIDIAN_CONTROL, { ...stores, onWrite: telemetry.ledgerWrites(region, 'control') }), (one) => one.close());
    const log = opened.add(await openEventLog(config, { clientId: 'meridian-ingest', region, clock }), (one) => one.close());
    const logs = await registerLogs(control, region, log, clock);
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
