/**
 * The services from built code, per region: two aggregators that share the region's logs, reconciliation, ingest.
 * They are configured by environment variables alone. Healthy = ready to serve.
 */
import process from 'node:process';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { controlAddress, derivedAddress, eventLogAddress, ledgerAddress, TOPIC } from './addresses';
import { LOCAL_CREDENTIALS } from './dynamodb';
import { StackError } from './errors';
import { statusOf } from './http';
import { PLAIN_KAFKA } from './kafka';
import type { AppName, Layout, Part } from './part';
import { HOST } from './ports';

/** The repository, from `src` and from `dist`. */
const ROOT = resolve(__dirname, '../../..');
/** A service gives up draining after 25 s. */
const DRAIN_MS = 27_000;

export const aggregator = app('aggregator', 2);
export const reconciliation = app('reconciliation', 1);
export const ingest = app('ingest', 1);

/** Whoever tries it out looks at the totals within seconds; write units cost nothing here. */
export const PACE: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> = {
  aggregator: { MERIDIAN_SAMPLE_INTERVAL_MS: '1000' },
  reconciliation: { MERIDIAN_SAMPLE_STALE_MS: '15000' },
};

function app(kind: AppName, instances: number): Part {
  const main = join(ROOT, 'apps', kind, 'dist', 'main.js');
  return {
    kind,
    isPerRegion: true,
    instances,
    ports: ['http'],
    drainMs: DRAIN_MS,
    endpoint: ({ http }) => `http://${HOST}:${http}`,

    async prepare({ region, layout, ports: { http }, mark }) {
      await access(main).catch((cause: unknown) => {
        throw new StackError('stack_not_started', `${kind} is not built (${main}): npm run build`, { cause });
      });
      const env = {
        ...LOCAL_CREDENTIALS,
        MERIDIAN_REGION: region,
        MERIDIAN_HOST: HOST,
        MERIDIAN_PORT: String(http),
        MERIDIAN_LEDGER: ledgerAddress(layout, region),
        MERIDIAN_CONTROL: controlAddress(layout),
        ...PACE[kind],
        ...(kind === 'reconciliation' ? { MERIDIAN_DERIVED: derivedAddress(layout, region) } : eventLogOf(layout, region)),
      };
      return { command: process.execPath, args: [main, `--${mark}`], env };
    },

    isHealthy: async ({ http }) => (await statusOf({ port: http, path: '/health/ready' })) === 200,
  };
}

function eventLogOf(layout: Layout, region: string): Record<string, string> {
  return { MERIDIAN_EVENT_LOG: eventLogAddress(layout, region), MERIDIAN_EVENT_LOG_TOPIC: TOPIC, ...PLAIN_KAFKA };
}
