/**
 * Telemetry of one process: metrics for Prometheus, traces and metrics over OTLP when an endpoint is set, log lines.
 * OpenTelemetry is registered process-wide, so there is one of these at a time; regions are told apart by attribute.
 */
import { context, metrics, propagation, trace, type Tracer } from '@opentelemetry/api';
import type { Probe } from '@meridian/pipeline';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { core, NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, SimpleSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { DestinationStream, Logger } from 'pino';
import { createInstruments, type Instruments } from './instruments';
import { createLogger, isLogLevel } from './logger';
import { ATTRIBUTES, LOG_EVENTS } from './names';
import { TelemetryProbe } from './probe';
import { otlpReaders, ScrapedReader } from './readers';
import { createSampler } from './sampling';
import { inRequestSpan, type IncomingHeaders, type TraceHeaders } from './tracing';

export interface TelemetryOptions {
  readonly serviceName: string;
  /** `LOG_LEVEL`, `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` are read from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where log lines go; standard output when not given. */
  readonly logTo?: DestinationStream;
  /** Where finished spans go at once, beside OTLP. */
  readonly traceTo?: SpanExporter;
}

/** One answered HTTP request. */
export interface AnsweredRequest {
  readonly region: string;
  readonly method: string;
  /** The route's pattern, never the path: a path holds names of tenants and sessions. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** What one write to DynamoDB consumed; the adapter of the ledger tells it (`onWrite`). */
export interface LedgerWrite {
  /** Of row, by the prefix of its partition key. */
  readonly kind: string;
  readonly units: number;
  /** Its condition failed. */
  readonly isRefused: boolean;
}

const INSTRUMENTATION = 'meridian';

export function startTelemetry(options: TelemetryOptions): Telemetry {
  return new Telemetry(options);
}

export class Telemetry {
  readonly logger: Logger;
  readonly tracer: Tracer;
  private readonly sdk: NodeSDK;
  private readonly prometheus = new ScrapedReader();
  private readonly serializer = new PrometheusSerializer();
  private readonly instruments: Instruments;
  private readonly probes = new Map<string, Probe>();

  constructor({ serviceName, env, logTo, traceTo }: TelemetryOptions) {
    const level = env['LOG_LEVEL'] ?? '';
    this.logger = createLogger({ serviceName, level: isLogLevel(level) ? level : 'info', ...(logTo && { destination: logTo }) });
    const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT']?.replace(/\/+$/, '') ?? '';
    this.sdk = new NodeSDK({
      serviceName,
      autoDetectResources: false,
      sampler: createSampler(env),
      textMapPropagator: new core.W3CTraceContextPropagator(),
      metricReaders: [this.prometheus, ...otlpReaders(endpoint)],
      spanProcessors: [...otlpTraces(endpoint), ...(traceTo ? [new SimpleSpanProcessor(traceTo)] : [])],
      logRecordProcessors: [],
    });
    this.sdk.start();
    this.tracer = trace.getTracer(INSTRUMENTATION);
    this.instruments = createInstruments(metrics.getMeter(INSTRUMENTATION));
  }

  /** The probe of a region: always the same one. */
  probe(region: string): Probe {
    let probe = this.probes.get(region);
    if (!probe) {
      const { instruments, tracer, logger } = this;
      this.probes.set(region, (probe = new TelemetryProbe({ region, instruments, tracer, logger })));
    }
    return probe;
  }

  answered({ durationMs, region, method, route, status }: AnsweredRequest): void {
    this.instruments.histograms.requestSeconds.record(durationMs / 1_000, {
      [ATTRIBUTES.region]: region, [ATTRIBUTES.method]: method, [ATTRIBUTES.route]: route, [ATTRIBUTES.status]: status,
    });
  }

  /** Takes the writes of one table, for the adapter's `onWrite`. */
  ledgerWrites(region: string, table: 'ledger' | 'control' | 'derived'): (write: LedgerWrite) => void {
    const { writeUnits } = this.instruments.counters;
    return ({ kind, units, isRefused }) =>
      writeUnits.add(units, { [ATTRIBUTES.region]: region, [ATTRIBUTES.table]: table, [ATTRIBUTES.kind]: kind, [ATTRIBUTES.refused]: isRefused });
  }

  /** Runs `act` in a span that continues the caller's trace, and gives it what the records it writes must carry. */
  inRequestSpan<T>(
    request: { readonly name: string; readonly region: string; readonly headers: IncomingHeaders },
    act: (carried: TraceHeaders | undefined) => Promise<T>,
  ): Promise<T> {
    const { name, region, headers } = request;
    return inRequestSpan(this.tracer, { name, headers, attributes: { [ATTRIBUTES.region]: region } }, act);
  }

  /** All metrics of the process, in Prometheus' text format. */
  async metrics(): Promise<string> {
    const { resourceMetrics } = await this.prometheus.collect();
    return this.serializer.serialize(resourceMetrics);
  }

  /** Exports what is left and unregisters. */
  async shutdown(): Promise<void> {
    try {
      await this.sdk.shutdown();
    } catch (error) {
      // The collector may be gone before us: that must not fail a shutdown.
      this.logger.warn({ event: LOG_EVENTS.shutdown, reason: String(error) });
    }
    for (const api of [trace, metrics, context, propagation]) api.disable();
  }
}

/** Without an endpoint nothing is exported, and without any processor no span is recorded at all. */
function otlpTraces(endpoint: string): SpanProcessor[] {
  return endpoint === '' ? [] : [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))];
}
