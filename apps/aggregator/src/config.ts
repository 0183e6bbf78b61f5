/** Variables of the aggregator. */
import { readConfig, serviceVariables, whole, type Environment } from '@meridian/http';
import { NAME_PATTERN } from '@meridian/accounting';
import { FOLD_DEFAULTS, SAMPLE_DEFAULTS } from '@meridian/pipeline';
import { eventLogVariables, groupVariables, ledgerVariables } from '@meridian/stores';
import { z } from 'zod';

const HOUR_MS = 3_600_000;

export const aggregatorVariables = z.object({
  ...serviceVariables,
  ...ledgerVariables,
  ...eventLogVariables,
  ...groupVariables,
  MERIDIAN_LOG_REGION: z.string().regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}: the region whose log this is; leave it out for MERIDIAN_REGION`).optional(),
  MERIDIAN_FLUSH_AGE_MS: whole({ min: 1, max: HOUR_MS, value: FOLD_DEFAULTS.flushAgeMs }),
  MERIDIAN_FLUSH_IDLE_MS: whole({ min: 1, max: HOUR_MS, value: FOLD_DEFAULTS.flushIdleMs }),
  MERIDIAN_BUFFER_BYTES_MAX: whole({ min: 65_536, max: 2 ** 30, value: FOLD_DEFAULTS.bufferBytesMax }),
  MERIDIAN_STATE_BYTES_MAX: whole({ min: 1_048_576, max: 2 ** 36, value: FOLD_DEFAULTS.stateBytesMax }),
  MERIDIAN_FOLD_CONCURRENCY: whole({ min: 1, max: 1_024, value: FOLD_DEFAULTS.concurrency }),
  MERIDIAN_SAMPLE_INTERVAL_MS: whole({ min: 10, max: HOUR_MS, value: SAMPLE_DEFAULTS.intervalMs }),
});
export type AggregatorConfig = z.output<typeof aggregatorVariables>;

/** Throws `ConfigError`. */
export function aggregatorConfig(env: Environment): AggregatorConfig {
  return readConfig(aggregatorVariables, env);
}
