/**
 * What the loops tell, as metrics, spans and log lines. One probe per region; all of a process share the instruments.
 * Steady states (acceptance, samples, reaching) are logged at `debug`, what changes something at `info`.
 */
import { SpanKind, type Attributes, type ObservableGauge, type Tracer } from '@opentelemetry/api';
import type { MeridianError } from '@meridian/accounting';
import type { Flushed, LogLag, Probe, Reached, WriterLag } from '@meridian/pipeline';
import type { Logger } from 'pino';
import type { Instruments } from './instruments';
import { ATTRIBUTES, LOG_EVENTS, SPANS } from './names';
import { linksTo } from './tracing';

export interface ProbeParts {
  readonly region: string;
  readonly instruments: Instruments;
  readonly tracer: Tracer;
  readonly logger: Logger;
}

const MS_PER_SECOND = 1_000;

export class TelemetryProbe implements Probe {
  private readonly attributes: Attributes;
  private readonly logger: Logger;
  private sampledAt = 0;
  private resolvedNumber = 0;
  private lags: readonly LogLag[] = [];
  private standing: Reached | undefined;

  constructor(private readonly parts: ProbeParts) {
    this.attributes = { [ATTRIBUTES.region]: parts.region };
    this.logger = parts.logger.child({ region: parts.region });
    this.observeAll();
  }

  accepted(told: Parameters<Probe['accepted']>[0]): void {
    const { counters, histograms } = this.parts.instruments;
    counters.acceptedEvents.add(told.events, this.attributes);
    histograms.acceptSeconds.record(told.durationMs / MS_PER_SECOND, this.attributes);
    this.logger.debug({ event: LOG_EVENTS.accepted, ...told });
  }

  flushed(told: Flushed): void {
    const { counters, histograms } = this.parts.instruments;
    const attributes = { ...this.attributes, [ATTRIBUTES.log]: told.log };
    counters.foldedRecords.add(told.records, attributes);
    counters.foldedEntries.add(told.entries, attributes);
    counters.foldedDuplicates.add(told.duplicates, attributes);
    counters.foldedConflicts.add(told.conflicts, attributes);
    counters.foldedQuarantined.add(told.quarantined, attributes);
    counters.foldedDeltas.add(told.deltas, attributes);
    counters.foldedBytes.add(told.bytes, attributes);
    histograms.flushSeconds.record(told.durationMs / MS_PER_SECOND, attributes);
    histograms.flushRecords.record(told.records, attributes);
    histograms.foldAgeSeconds.record(Math.max(0, told.ageMs) / MS_PER_SECOND, attributes);
    this.traceFlush(told);
    const { traces: _, ...line } = told;
    this.logger.info({ event: LOG_EVENTS.flushed, ...line });
  }

  behind(told: readonly LogLag[]): void {
    this.lags = told;
  }

  sampled(told: Parameters<Probe['sampled']>[0]): void {
    this.sampledAt = Date.now();
    this.logger.debug({ event: LOG_EVENTS.sampled, logs: told.logs });
  }

  cutAllocated(told: Parameters<Probe['cutAllocated']>[0]): void {
    this.logger.info({ event: LOG_EVENTS.cutAllocated, ...told });
  }

  reached(told: Reached): void {
    this.standing = told;
    this.logger.debug({ event: LOG_EVENTS.reached, ...told });
  }

  resolved(told: Parameters<Probe['resolved']>[0]): void {
    const { counters, histograms } = this.parts.instruments;
    this.resolvedNumber = told.k;
    counters.resolvedSessions.add(told.sessions, this.attributes);
    counters.resolvedRows.add(told.rows, this.attributes);
    histograms.resolveSeconds.record(told.durationMs / MS_PER_SECOND, this.attributes);
    this.logger.info({ event: LOG_EVENTS.resolved, ...told });
  }

  streamDoubted({ log, message }: Parameters<Probe['streamDoubted']>[0]): void {
    this.logger.info({ event: LOG_EVENTS.streamDoubted, log, reason: message });
  }

  retrying({ what, error, afterMs }: Parameters<Probe['retrying']>[0]): void {
    const code = (error as Partial<MeridianError>).code ?? error.name;
    this.parts.instruments.counters.retries.add(1, { ...this.attributes, [ATTRIBUTES.loop]: what, [ATTRIBUTES.code]: code });
    this.logger.warn({ event: LOG_EVENTS.retrying, loop: what, code, afterMs, reason: error.message });
  }

  alarm({ code, log, message }: Parameters<Probe['alarm']>[0]): void {
    this.parts.instruments.counters.alarms.add(1, { ...this.attributes, [ATTRIBUTES.code]: code, [ATTRIBUTES.log]: log });
    this.logger.error({ event: LOG_EVENTS.alarm, code, log, reason: message });
  }

  private traceFlush({ log, records, durationMs, traces }: Flushed): void {
    const links = linksTo(traces);
    if (links.length === 0) return;
    const endTime = Date.now();
    const attributes = { ...this.attributes, [ATTRIBUTES.log]: log, records };
    const options = { kind: SpanKind.CONSUMER, attributes, links, startTime: endTime - durationMs, root: true };
    this.parts.tracer.startSpan(SPANS.fold, options).end(endTime);
  }

  private observeAll(): void {
    const { gauges } = this.parts.instruments;
    this.observe(gauges.sampledAt, () => secondsSince(this.sampledAt));
    this.observe(gauges.cutAge, () => secondsSince(this.standing?.asOf));
    this.observe(gauges.cutNumber, () => positive(this.standing?.k));
    this.observe(gauges.cutLagging, () => (this.standing?.k === 0 ? undefined : this.standing?.lagging));
    this.observe(gauges.waitingFor, () => this.standing?.waitingFor);
    this.observe(gauges.reachedAge, () => secondsSince(this.standing?.reachedAsOf));
    this.observe(gauges.resolvedNumber, () => positive(this.resolvedNumber));
    this.observeEach(gauges.foldLagRecords, ATTRIBUTES.log, () => this.lags.map(({ log, records }) => [log, records]));
    this.observeEach(gauges.foldLagSeconds, ATTRIBUTES.log, () => this.lags.map(({ log, oldest }) => [log, secondsSince(oldest) ?? 0]));
    this.observeEach(gauges.foldStopped, ATTRIBUTES.log, () => this.lags.map(({ log, isStopped }) => [log, isStopped ? 1 : 0]));
    this.observeEach(gauges.reachMissing, ATTRIBUTES.writer, () => this.writers().map(({ writer, missing }) => [writer, missing]));
    this.observeEach(gauges.reachLag, ATTRIBUTES.writer, () => this.writers().map(({ writer, since }) => [writer, secondsSince(since) ?? 0]));
  }

  private writers(): readonly WriterLag[] {
    return this.standing?.writers ?? [];
  }

  /** A gauge without a value yet gives no point: an absent number is not zero. */
  private observe(gauge: ObservableGauge, read: () => number | undefined): void {
    gauge.addCallback((result) => {
      const value = read();
      if (value !== undefined) result.observe(value, this.attributes);
    });
  }

  /** A point for each that is told now: what is not told any more is gone at once. */
  private observeEach(gauge: ObservableGauge, attribute: string, read: () => readonly (readonly [name: string, value: number])[]): void {
    gauge.addCallback((result) => {
      for (const [name, value] of read()) result.observe(value, { ...this.attributes, [attribute]: name });
    });
  }
}

/** 0 means never. */
function secondsSince(time: number | undefined): number | undefined {
  return time === undefined || time === 0 ? undefined : Math.max(0, Date.now() - time) / MS_PER_SECOND;
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}
