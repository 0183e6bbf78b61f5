/**
 * Which spans are recorded. A request follows its caller's decision; where the trace begins here, OpenTelemetry's own
 * variables decide. A flush follows the requests in it, so that a recorded request always leads to its flush.
 */
import { TraceFlags, type Link } from '@opentelemetry/api';
import {
  AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, SamplingDecision, TraceIdRatioBasedSampler, type Sampler, type SamplingResult,
} from '@opentelemetry/sdk-trace-base';

/** Values of `OTEL_TRACES_SAMPLER`, with or without `parentbased_`; the ratio is `OTEL_TRACES_SAMPLER_ARG`. */
const SAMPLERS: ReadonlyMap<string, (ratio: number) => Sampler> = new Map<string, (ratio: number) => Sampler>([
  ['always_on', () => new AlwaysOnSampler()],
  ['always_off', () => new AlwaysOffSampler()],
  ['traceidratio', (ratio) => new TraceIdRatioBasedSampler(ratio)],
]);
const PARENT_BASED = 'parentbased_';

/** What is not set, or is no sampler, counts as `parentbased_always_on`: services check it before. */
export function createSampler(env: Readonly<Record<string, string | undefined>>): Sampler {
  const name = env['OTEL_TRACES_SAMPLER'] ?? '';
  const make = SAMPLERS.get(name.replace(PARENT_BASED, ''));
  const root = make?.(Number(env['OTEL_TRACES_SAMPLER_ARG'] || 1)) ?? new AlwaysOnSampler();
  return new LinkSampler(make && !name.startsWith(PARENT_BASED) ? root : new ParentBasedSampler({ root }));
}

/** Records whatever is linked to something recorded; asks the other sampler about the rest. */
class LinkSampler implements Sampler {
  constructor(private readonly rest: Sampler) {}

  shouldSample(...about: Parameters<Sampler['shouldSample']>): SamplingResult {
    const links = about[5];
    return links.some(isSampled) ? { decision: SamplingDecision.RECORD_AND_SAMPLED } : this.rest.shouldSample(...about);
  }

  toString(): string {
    return `LinkSampler{${this.rest.toString()}}`;
  }
}

function isSampled({ context }: Link): boolean {
  return (context.traceFlags & TraceFlags.SAMPLED) !== 0;
}
