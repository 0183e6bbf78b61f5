/** Variables of reconciliation. */
import { readConfig, serviceVariables, whole, type Environment } from '@meridian/http';
import { ALLOCATE_DEFAULTS } from '@meridian/pipeline';
import { derivedVariables, ledgerVariables } from '@meridian/stores';
import { z } from 'zod';
import { LOOP_INTERVAL_MS } from './service';

const HOUR_MS = 3_600_000;

export const reconciliationVariables = z.object({
  ...serviceVariables,
  ...ledgerVariables,
  ...derivedVariables,
  MERIDIAN_CUT_INTERVAL_MS: whole({ min: 1, max: HOUR_MS, value: ALLOCATE_DEFAULTS.cutIntervalMs }),
  MERIDIAN_CUT_WAIT_MS: whole({ min: 1, max: HOUR_MS, value: ALLOCATE_DEFAULTS.cutWaitMs }),
  MERIDIAN_CUT_IDLE_MS: whole({ min: 1, max: HOUR_MS, value: ALLOCATE_DEFAULTS.cutIdleMs }),
  MERIDIAN_SAMPLE_STALE_MS: whole({ min: 1, max: HOUR_MS, value: ALLOCATE_DEFAULTS.sampleStaleMs }),
  MERIDIAN_LOOP_INTERVAL_MS: whole({ min: 1, max: HOUR_MS, value: LOOP_INTERVAL_MS }),
});
export type ReconciliationConfig = z.output<typeof reconciliationVariables>;

/** Throws `ConfigError`. */
export function reconciliationConfig(env: Environment): ReconciliationConfig {
  return readConfig(reconciliationVariables, env);
}
