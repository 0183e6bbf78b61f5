/** The aggregator of one region: its log in, deltas and manifests out, and samples of where the log ends. */
import { Module } from '@nestjs/common';
import type { Clock, Hash, LogId, Random } from '@meridian/accounting';
import type { EventLog } from '@meridian/event-log';
import { ApiKeys, Background, OPERATIONS, OperationsController, provide, startHttp, type Listen, type RunningService } from '@meridian/http';
import type { Ledger } from '@meridian/ledger';
import { FOLD_DEFAULTS, FoldService, openNextStream, repeating, SAMPLE_LOOK_MS, Sampler, sampleSettings, segmentsWrittenBy, type FoldSettings } from '@meridian/pipeline';
import type { Telemetry } from '@meridian/telemetry';

@Module({})
class AggregatorModule {}

/** Whoever holds it takes the samples of all logs. */
const SAMPLERS_PARTITION = 0;
/** Between two looks at where the logs end, so many times as long while they stand still. */
const IDLE_LOOKS = 3;

/** Between two looks at who writes: a takeover is an operator's business, and takes effect within this. */
const WRITERS_INTERVAL_MS = 5_000;

export interface AggregatorOptions {
  readonly region: string;
  readonly listen: Listen;
  /** The region whose log it is: another one's, when its aggregators are down and it was taken over. Default: `region`. */
  readonly logRegion?: string;
  readonly log: EventLog;
  /** The registered log of each partition. */
  readonly logs: readonly LogId[];
  /** The region's replica. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly telemetry: Telemetry;
  readonly fold?: Partial<FoldSettings>;
  readonly sampleIntervalMs?: number;
}

export interface RunningAggregator extends RunningService {
  /** Rejects with the reason when the service failed for good; resolves after `close` or `kill`. */
  readonly ended: Promise<void>;
  /** Stops at once without flushing, as a crash would: whoever comes next reads again. */
  kill(): Promise<void>;
}

export async function startAggregator(options: AggregatorOptions): Promise<RunningAggregator> {
  const { region, logRegion = region, listen, log, logs, ledger, control, clock, random, hash, telemetry } = options;
  const probe = telemetry.probe(region);
  const apiKeys = new ApiKeys({ ledger, hash, clock });
  const segmentsOf = (id: LogId): ReturnType<typeof segmentsWrittenBy> => segmentsWrittenBy(control, region, id);
  const openStream = (id: LogId): Promise<void> => openNextStream({ ledger, control, region }, id);
  const stopping = new AbortController();
  const foldParts = { log, ledger, hash, clock, random, probe, logs, segmentsOf, openStream, signal: stopping.signal };
  const foldSettings = { ...FOLD_DEFAULTS, ...options.fold };
  const samples = sampleSettings(foldSettings.flushAgeMs, options.sampleIntervalMs);
  const fold = new FoldService(foldParts, foldSettings);
  await fold.start(log);
  const background = new Background((signal) => {
    // When sampling failed the fold must not go on alone: nothing would be cut any more, and nobody would know.
    signal.addEventListener('abort', () => void fold.abandon(), { once: true });
    const sampler = new Sampler({ log, ledger, control, region: logRegion, logs, hash, clock, probe }, samples);
    // Of the members of a group one writes it; all close their manifests at that pace.
    const sample = async (): Promise<void> => fold.sampled(await sampler.step(fold.holds(SAMPLERS_PARTITION)));
    const [loop, busyMs] = [{ clock, random, probe, signal }, Math.min(SAMPLE_LOOK_MS, samples.intervalMs)];
    let lookMs = busyMs;
    const measure = async (): Promise<void> => {
      lookMs = (await fold.measure()) ? busyMs : busyMs * IDLE_LOOKS;
    };
    // A loop of its own: how far the fold is behind must be told above all when the ledger takes no samples.
    return [
      fold.run(),
      repeating('sample', () => Math.min(lookMs, sampler.untilNextMs), loop, sample),
      repeating('lag', () => lookMs, loop, measure),
      repeating('writers', WRITERS_INTERVAL_MS, loop, () => fold.followWriters()),
    ];
  }, telemetry.logger);
  const stop = async (leave: () => Promise<void>): Promise<void> => {
    await leave();
    stopping.abort();
    background.stop();
    // Why it failed, if it did, is told by `ended`.
    await background.ended.catch(() => undefined);
  };
  const operations = { ready: async () => background.check(), metrics: () => telemetry.metrics(), openApi: undefined };
  const module = { module: AggregatorModule, controllers: [OperationsController], providers: [provide(OPERATIONS, () => operations)] };
  const http = await startHttp({ module, region, listen, telemetry, apiKeys }).catch(async (error: unknown) => {
    await stop(() => fold.abandon());
    throw error;
  });
  return {
    url: http.url,
    ended: background.ended,
    close: async () => {
      await stop(() => fold.close());
      await http.close();
    },
    kill: async () => {
      await stop(() => fold.abandon());
      await http.close();
    },
  };
}
