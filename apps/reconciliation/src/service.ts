/** Reconciliation of one region: the ledger in; boundaries, cuts, derived rows and answers out. Needs no log. */
import { Module } from '@nestjs/common';
import type { Clock, Hash, Random } from '@meridian/accounting';
import { ApiKeys, Background, OPERATIONS, OperationsController, provide, startHttp, takeBodies, parseJson, type Listen, type RunningService } from '@meridian/http';
import { keys, type Ledger } from '@meridian/ledger';
import { ALLOCATE_DEFAULTS, Allocator, Jobs, Reacher, Reader, repeating, Resolver, type AllocateSettings } from '@meridian/pipeline';
import type { Telemetry } from '@meridian/telemetry';
import { CoverageController } from './coverage.controller';
import { JobsController } from './jobs.controller';
import { LogsController } from './logs.controller';
import { openApi } from './openapi';
import { CLOCK, JOBS, OPERATOR, READER } from './parts';
import { SessionsController } from './sessions.controller';
import { UsageController } from './usage.controller';

@Module({})
class ReconciliationModule {}

/** Between two looks at what has arrived. */
export const LOOP_INTERVAL_MS = 500;
/** A job's request is a few hundred bytes. */
const JOB_BYTES_MAX = 64 * 1024;

export interface ReconciliationOptions {
  readonly region: string;
  readonly listen: Listen;
  /** The region's replica. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly telemetry: Telemetry;
  readonly allocate?: Partial<AllocateSettings>;
  readonly loopIntervalMs?: number;
}

export interface RunningReconciliation extends RunningService {
  /** Rejects with the reason when the service failed for good; resolves after `close`. */
  readonly ended: Promise<void>;
}

export async function startReconciliation(options: ReconciliationOptions): Promise<RunningReconciliation> {
  const { region, listen, ledger, control, clock, random, hash, telemetry, loopIntervalMs = LOOP_INTERVAL_MS } = options;
  const probe = telemetry.probe(region);
  const reacher = new Reacher({ ledger, control, region, hash, clock, probe });
  const allocator = new Allocator({ ledger, control, region, clock, probe }, { ...ALLOCATE_DEFAULTS, ...options.allocate });
  const resolver = new Resolver({ ledger, region, hash, clock, probe, hasReached: (cut) => reacher.hasReached(cut) });
  const jobs = new Jobs({ ledger, control, region, hash, clock, random, probe });
  const background = new Background((signal) => {
    const loop = { clock, random, probe, signal };
    return [
      repeating('reach', loopIntervalMs, loop, () => reacher.step()),
      repeating('allocate', loopIntervalMs, loop, () => allocator.step()),
      repeating('resolve', loopIntervalMs, loop, () => resolver.step()),
    ];
  }, telemetry.logger);
  const stop = async (): Promise<void> => {
    background.stop();
    // Why it failed, if it did, is told by `ended`.
    await Promise.all([jobs.close(), background.ended.catch(() => undefined)]);
  };
  const ready = async (): Promise<void> => {
    background.check();
    await ledger.get(keys.resolved(region), { consistent: true });
  };
  const module = {
    module: ReconciliationModule,
    controllers: [SessionsController, UsageController, CoverageController, JobsController, LogsController, OperationsController],
    providers: [
      provide(READER, () => new Reader({ ledger, region, hash, reacher })),
      provide(JOBS, () => jobs),
      provide(CLOCK, () => clock),
      provide(OPERATOR, () => ({ ledger, control, region, clock })),
      provide(OPERATIONS, () => ({ ready, metrics: () => telemetry.metrics(), openApi })),
    ],
  };
  try {
    await jobs.start();
    const http = await startHttp({
      module, region, listen, telemetry,
      apiKeys: new ApiKeys({ ledger, hash, clock }),
      configure: (instance) => takeBodies(instance, { types: ['application/json'], bytesMax: JOB_BYTES_MAX, parse: parseJson }),
    });
    return {
      url: http.url,
      ended: background.ended,
      close: async () => {
        await http.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
