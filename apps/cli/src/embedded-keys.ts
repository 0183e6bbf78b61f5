/**
 * The two API keys of a data directory, made at its first start and kept in `keys.json` for the other commands. A key
 * is put into every replica at once: a newcomer must not meet a region that does not know it yet.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Hash } from '@meridian/accounting';
import { createApiKey, PLATFORM_TENANT } from '@meridian/http';
import { keys, type Ledger, type Scope } from '@meridian/ledger';
import type { DataDirectory, Keys } from './data-directory';

export const DEMO_TENANT = 'demo';

/** Of a key of one tenant, and of a key of the platform. */
export const TENANT_SCOPES: readonly Scope[] = ['ingest', 'void', 'read'];
export const PLATFORM_SCOPES: readonly Scope[] = ['ingest', 'void', 'read', 'ops'];

export interface EnsureKeysParts {
  readonly data: DataDirectory;
  readonly ledgers: readonly Ledger[];
  readonly clock: Clock;
  readonly hash: Hash;
}

export async function ensureKeys({ data, ledgers, clock, hash }: EnsureKeysParts): Promise<Keys> {
  const known = await data.keys();
  if (known && (await isEverywhere(known.demo, ledgers)) && (await isEverywhere(known.platform, ledgers))) return known;
  const [first] = ledgers as readonly [Ledger, ...Ledger[]];
  const made: Keys = {
    demo: await createApiKey(first, hash, { tenant: DEMO_TENANT, scopes: TENANT_SCOPES, clock, randomBytes }),
    platform: await createApiKey(first, hash, { tenant: PLATFORM_TENANT, scopes: PLATFORM_SCOPES, clock, randomBytes }),
  };
  await isEverywhere(made.demo, ledgers);
  await isEverywhere(made.platform, ledgers);
  await data.writeKeys(made);
  return made;
}

/** Copies the key's row to the replicas that lack it; false when no replica has it. */
async function isEverywhere(key: string, ledgers: readonly Ledger[]): Promise<boolean> {
  const at = keys.apiKey(key.split('_')[1] ?? '');
  const rows = await Promise.all(ledgers.map((ledger) => ledger.get(at, { consistent: true })));
  const row = rows.find((one) => one !== undefined);
  if (!row) return false;
  const lacking = ledgers.filter((_, index) => rows[index] === undefined);
  await Promise.all(lacking.map((ledger) => ledger.insert({ ...at, value: row.value })));
  return true;
}
