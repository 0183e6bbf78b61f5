// For tests: what `traceTo` may be.
export { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
export { createLogger, LOG_LEVELS, type LogLevel } from './logger';
export { ATTRIBUTES, COUNTERS, GAUGES, HISTOGRAMS, LOG_EVENTS, SPANS, type MetricName } from './names';
export { startTelemetry, Telemetry, type AnsweredRequest, type LedgerWrite, type TelemetryOptions } from './telemetry';
export { extractTrace, injectTrace, type IncomingHeaders, type TraceHeaders } from './tracing';
