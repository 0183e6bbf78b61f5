/** From environment variables to a running service: adapters by scheme. */
import { opening, type Environment, type MainService } from '@meridian/http';
import { withDerivedApart } from '@meridian/ledger';
import { openLedger } from '@meridian/stores';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { LOG_EVENTS, startTelemetry } from '@meridian/telemetry';
import { reconciliationConfig } from './config';
import { startReconciliation } from './service';

/** Throws `ConfigError` or `LedgerError`, with nothing left open. */
export async function startProcess(env: Environment): Promise<MainService> {
  const config = reconciliationConfig(env);
  const [region, clock] = [config.MERIDIAN_REGION, systemClock];
  return opening(async (opened) => {
    const telemetry = opened.add(startTelemetry({ serviceName: 'meridian-reconciliation', env }), (one) => one.shutdown());
    const stores = { region, concurrency: config.MERIDIAN_DYNAMODB_CONCURRENCY, clock, random: systemRandom };
    const ledger = opened.add(await openLedger(config.MERIDIAN_LEDGER, { ...stores, onWrite: telemetry.ledgerWrites(region, 'ledger') }), (one) => one.close());
    const control = opened.add(await openLedger(config.MERIDIAN_CONTROL, { ...stores, onWrite: telemetry.ledgerWrites(region, 'control') }), (one) => one.close());
    const derived = opened.add(await openLedger(config.MERIDIAN_DERIVED, { ...stores, onWrite: telemetry.ledgerWrites(region, 'derived') }), (one) => one.close());
    const service = await startReconciliation({
      region, listen: { host: config.MERIDIAN_HOST, port: config.MERIDIAN_PORT },
      ledger: withDerivedApart(ledger, derived), control, clock, random: systemRandom, hash: nodeHash, telemetry,
      loopIntervalMs: config.MERIDIAN_LOOP_INTERVAL_MS,
      allocate: {
        cutIntervalMs: config.MERIDIAN_CUT_INTERVAL_MS,
        cutWaitMs: config.MERIDIAN_CUT_WAIT_MS,
        cutIdleMs: config.MERIDIAN_CUT_IDLE_MS,
        sampleStaleMs: config.MERIDIAN_SAMPLE_STALE_MS,
      },
    });
    telemetry.logger.info({ event: LOG_EVENTS.started, region, url: service.url });
    return service;
  });
}
