/** The ingest service of one region: authenticate, validate, append to the region's log. Keeps nothing of its own. */
import { Module } from '@nestjs/common';
import type { Clock, Hash, LogId } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import { ApiKeys, OPERATIONS, OperationsController, provide, startHttp, type Listen, type RunningService } from '@meridian/http';
import type { Ledger } from '@meridian/ledger';
import { Acceptor } from '@meridian/pipeline';
import type { Telemetry } from '@meridian/telemetry';
import { INGEST_LIMITS, takeEvents, type IngestLimits } from './bodies';
import { EventsController, INTAKE, REGION, TELEMETRY } from './events.controller';
import { Intake } from './intake';
import { openApi } from './openapi';

@Module({})
class IngestModule {}

export interface IngestOptions {
  readonly region: string;
  readonly listen: Listen;
  readonly log: EventLog;
  /** The registered log of each partition. */
  readonly logs: readonly LogId[];
  /** The region's replica: API keys are read from it. */
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly hash: Hash;
  readonly telemetry: Telemetry;
  readonly limits?: Partial<IngestLimits>;
}

export async function startIngest({ region, listen, log, logs, ledger, clock, hash, telemetry, limits: given }: IngestOptions): Promise<RunningService> {
  const limits = { ...INGEST_LIMITS, ...given };
  const acceptor = new Acceptor({ log, logs, clock, probe: telemetry.probe(region) });
  const module = {
    module: IngestModule,
    controllers: [EventsController, OperationsController],
    providers: [
      provide(INTAKE, () => new Intake(acceptor, limits.batchEventsMax)),
      provide(TELEMETRY, () => telemetry),
      provide(REGION, () => region),
      provide(OPERATIONS, () => ({ ready: () => log.extents(), metrics: () => telemetry.metrics(), openApi })),
    ],
  };
  return startHttp({
    module, region, listen, telemetry,
    apiKeys: new ApiKeys({ ledger, hash, clock }),
    configure: (instance) => takeEvents(instance, limits),
  });
}
