/** Log lines: JSON, one per batch, with the ids of the trace they belong to. Never an event's payload, never a key. */
import { context, trace } from '@opentelemetry/api';
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly serviceName: string;
  readonly level: LogLevel;
  /** Standard output when not given. */
  readonly destination?: DestinationStream;
}

export function createLogger({ serviceName, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service: serviceName },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: traceIds,
    // A last line of defence: nothing should ever hand these over.
    redact: ['authorization', '*.authorization', 'headers'],
  };
  return destination ? pino(options, destination) : pino(options);
}

export function isLogLevel(level: string): level is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(level);
}

function traceIds(): Record<string, string> {
  const spanContext = trace.getSpanContext(context.active());
  return spanContext ? { trace_id: spanContext.traceId, span_id: spanContext.spanId } : {};
}
