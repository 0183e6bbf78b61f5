/**
 * Configuration from environment variables, by zod schemas: read once, at start, every error at once, each naming the
 * variable, the reason and the fix. An empty variable counts as not set.
 */
import { NAME_PATTERN } from '@meridian/accounting';
import { z } from 'zod';
import { ConfigError } from './errors';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `ConfigError`. */
export function readConfig<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>, env: Environment): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, env[name] === '' ? undefined : env[name]]));
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  throw new ConfigError(read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`));
}

/** A whole number of the unit its name ends in. */
export function whole({ min, max, value }: { readonly min: number; readonly max: number; readonly value: number }): z.ZodType<number, string | undefined> {
  const message = `must be a whole number ${min}..${max}; leave it out for ${value}`;
  return z.string().regex(/^\d{1,15}$/, message).transform(Number).refine((number) => number >= min && number <= max, message).default(value);
}

const SAMPLER_SHARE = 'must be a number 0..1, the share of traces that traceidratio records; leave it out for 1';

/** Variables of every service, but for where its stores are: those stand in `libs/stores`. */
export const serviceVariables = {
  MERIDIAN_REGION: z
    .string({ error: 'not set: name the region this process works for, for example eu-west-1' })
    .regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}: use the region's short name`),
  MERIDIAN_HOST: z.string().default('127.0.0.1'),
  MERIDIAN_PORT: whole({ min: 0, max: 65_535, value: 8_080 }),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL such as http://127.0.0.1:4318; leave it out to export nothing' }).optional(),
  OTEL_TRACES_SAMPLER: z
    .enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'], {
      error: 'must be always_on, always_off or traceidratio, or one of these behind parentbased_; leave it out for parentbased_always_on',
    })
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|[01]?\.\d{1,15})$/, SAMPLER_SHARE)
    .transform(Number)
    .refine((share) => share <= 1, SAMPLER_SHARE)
    .default(1),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { error: 'must be one of trace, debug, info, warn, error, fatal, silent; leave it out for info' })
    .default('info'),
} as const;
