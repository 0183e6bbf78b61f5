/**
 * The read side of one region over the files of a data directory on which nothing runs: the answers are those of the
 * last cut that was resolved, and no new cut is made.
 */
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { withDerivedApart } from '@meridian/ledger';
import { LevelLedger } from '@meridian/ledger-level';
import type { RunningService } from '@meridian/http';
import { startReconciliation } from '@meridian/reconciliation';
import { startTelemetry } from '@meridian/telemetry';
import type { DataDirectory } from './data-directory';
import { openControl } from './embedded-stores';

/** Longer than any command takes: cuts need all regions, and here is one. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

export async function startReadOnly(data: DataDirectory, region: string): Promise<RunningService> {
  const clock = systemClock;
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0)) await closer();
  };
  try {
    const control = await openControl(data, clock);
    closers.unshift(() => control.close());
    const ledger = await LevelLedger.open({ directory: data.ledger(region), clock, origin: region });
    closers.unshift(() => ledger.close());
    const derived = await LevelLedger.open({ directory: data.derived(region), clock });
    closers.unshift(() => derived.close());
    const telemetry = startTelemetry({ serviceName: 'meridian', env: { LOG_LEVEL: 'silent' } });
    closers.push(() => telemetry.shutdown());
    const service = await startReconciliation({
      region, listen: { host: '127.0.0.1', port: 0 }, ledger: withDerivedApart(ledger, derived), control, clock, random: systemRandom, hash: nodeHash, telemetry,
      allocate: { cutIntervalMs: NEVER_MS },
    });
    closers.unshift(() => service.close());
    return { url: service.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
