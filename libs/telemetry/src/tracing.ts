/**
 * Trace context (W3C) across the log: a request's context goes into the headers of the records it appends, and the
 * flush that folds them links back to it. Without an exporter nothing is recorded, but a caller's context still travels.
 */
import {
  context, isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags,
  type Context, type Link, type SpanContext, type TextMapGetter, type Tracer,
} from '@opentelemetry/api';
import { core } from '@opentelemetry/sdk-node';

/** What record headers carry of a trace: `traceparent` and, if any, `tracestate`. */
export type TraceHeaders = Readonly<Record<string, string>>;
/** Headers as Node gives them. */
export type IncomingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

const w3c = new core.W3CTraceContextPropagator();
const getter: TextMapGetter<IncomingHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, key) => {
    const value = headers[key];
    return typeof value === 'string' || value === undefined ? value : [...value];
  },
};
const setter = {
  set: (headers: Record<string, string>, key: string, value: string): void => {
    headers[key] = value;
  },
};

/** The caller's context, or none. */
export function extractTrace(headers: IncomingHeaders): Context {
  return headers['traceparent'] === undefined ? ROOT_CONTEXT : w3c.extract(ROOT_CONTEXT, headers, getter);
}

/** What a record must carry so that its reader can find the trace; undefined when there is none. */
export function injectTrace(from: Context): TraceHeaders | undefined {
  const spanContext = trace.getSpanContext(from);
  if (!spanContext || !isSpanContextValid(spanContext)) return undefined;
  const headers: Record<string, string> = {};
  w3c.inject(from, headers, setter);
  return headers;
}

/** Runs `act` in a span that continues the caller's trace, and gives it what the records must carry. */
export async function inRequestSpan<T>(
  tracer: Tracer,
  { name, headers, attributes }: { readonly name: string; readonly headers: IncomingHeaders; readonly attributes: Readonly<Record<string, string>> },
  act: (carried: TraceHeaders | undefined) => Promise<T>,
): Promise<T> {
  const parent = extractTrace(headers);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  const active = trace.setSpan(parent, span);
  try {
    return await context.with(active, () => act(injectTrace(active)));
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** Links to the sampled ones of these traces, each once. */
export function linksTo(traces: readonly TraceHeaders[]): Link[] {
  const links = new Map<string, SpanContext>();
  for (const headers of traces) {
    const spanContext = trace.getSpanContext(extractTrace(headers));
    if (spanContext && (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0) links.set(`${spanContext.traceId}${spanContext.spanId}`, spanContext);
  }
  return [...links.values()].map((spanContext) => ({ context: spanContext }));
}
