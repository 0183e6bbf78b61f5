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

/** Where an adapter keeps its data. */
export interface StoreAddress {
  readonly scheme: 'level';
  readonly directory: string;
}

/** What to do instead of running services one by one. */
export const SINGLE_PROCESS = 'run "npx meridian dev", which runs every service of three regions in one process on the embedded stores';

/** `level:DIRECTORY`; `what` is what must be told where it is. */
export function storeAddress(what: string): z.ZodType<StoreAddress, string | undefined> {
  return z
    .string({ error: `not set: this process needs ${what}; set it to level:DIRECTORY, or ${SINGLE_PROCESS}` })
    .transform((text, context): StoreAddress => {
      const at = text.indexOf(':');
      const [scheme, directory] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
      if (scheme === 'level' && directory !== '') return { scheme, directory };
      const reason = scheme === 'level' ? 'names no directory' : `has the unknown scheme ${JSON.stringify(at < 0 ? text : scheme)}`;
      context.issues.push({ code: 'custom', input: text, message: `${reason}: this build knows level:DIRECTORY, an embedded LevelDB of one process` });
      return z.NEVER;
    });
}

const SAMPLER_SHARE = 'must be a number 0..1, the share of traces that traceidratio records; leave it out for 1';

/** Variables of every service. */
export const serviceVariables = {
  MERIDIAN_REGION: z
    .string({ error: 'not set: name the region this process works for, for example eu-west-1' })
    .regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}: use the region's short name`),
  MERIDIAN_HOST: z.string().default('127.0.0.1'),
  MERIDIAN_PORT: whole({ min: 0, max: 65_535, value: 8_080 }),
  MERIDIAN_LEDGER: storeAddress("its region's replica of the ledger"),
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

/** Variables of the services that open the region's log. */
export const eventLogVariables = {
  MERIDIAN_EVENT_LOG: storeAddress("its region's log"),
  MERIDIAN_EVENT_LOG_TOPIC: z.string().default('events'),
  MERIDIAN_EVENT_LOG_PARTITIONS: whole({ min: 1, max: 1_024, value: 4 }),
  MERIDIAN_CONTROL: storeAddress('the control table, which registers the logs'),
} as const;
