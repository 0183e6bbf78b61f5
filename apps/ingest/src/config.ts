/** Variables of the ingest service. */
import { readConfig, serviceVariables, whole, type Environment } from '@meridian/http';
import { appendVariables, eventLogVariables, ledgerVariables } from '@meridian/stores';
import { z } from 'zod';
import { INGEST_LIMITS } from './bodies';

export const ingestVariables = z.object({
  ...serviceVariables,
  ...ledgerVariables,
  ...eventLogVariables,
  ...appendVariables,
  MERIDIAN_REQUESTS_MAX: whole({ min: 1, max: 1_000_000, value: INGEST_LIMITS.requestsMax }),
  MERIDIAN_TENANT_REQUESTS_MAX: whole({ min: 1, max: 1_000_000, value: INGEST_LIMITS.tenantRequestsMax }),
  MERIDIAN_REQUESTS_BYTES_MAX: whole({ min: INGEST_LIMITS.bodyBytesMax, max: 2 ** 36, value: INGEST_LIMITS.bytesMax }),
});
export type IngestConfig = z.output<typeof ingestVariables>;

/** Throws `ConfigError`. */
export function ingestConfig(env: Environment): IngestConfig {
  return readConfig(ingestVariables, env);
}
