/** `meridian keys create`: an API key, as a row of the ledger; the key itself is shown this once and kept nowhere. */
import { randomBytes } from 'node:crypto';
import { Command, Option } from 'commander';
import { createApiKey, PLATFORM_TENANT } from '@meridian/http';
import type { Scope } from '@meridian/ledger';
import { openLedger, type DynamoAddress } from '@meridian/stores';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { PLATFORM_SCOPES, TENANT_SCOPES } from '../embedded-keys';
import { CliError } from '../errors';
import { jsonOption, parseTenant } from '../options';
import { note, print, printJson } from '../output';
import { regionOf, tableOption } from '../stores';

interface Options {
  readonly ledger: DynamoAddress;
  readonly tenant?: string;
  readonly platform?: boolean;
  readonly json?: boolean;
}

export function keysCommand(): Command {
  const create = new Command('create')
    .description('make an API key: of a tenant (may send, void and read), or of the platform (names its tenant in each request, and may run jobs)')
    .addOption(tableOption('ledger', 'the ledger, in any region').makeOptionMandatory())
    .addOption(new Option('--tenant <tenant>', 'the tenant it belongs to').argParser(parseTenant).conflicts('platform'))
    .addOption(new Option('--platform', 'a key of the platform'))
    .addOption(jsonOption())
    .action(runCreate);
  return new Command('keys').description('API keys').addCommand(create);
}

async function runCreate({ ledger: address, tenant: named, platform = false, json }: Options): Promise<void> {
  const tenant = platform ? PLATFORM_TENANT : named;
  if (tenant === undefined) throw new CliError('usage', 'whose key it is to be is not said', { fix: 'Give --tenant NAME or --platform.' });
  const scopes: readonly Scope[] = platform ? PLATFORM_SCOPES : TENANT_SCOPES;
  const ledger = await openLedger(address, { region: regionOf(address), concurrency: 1, clock: systemClock, random: systemRandom });
  try {
    const key = await createApiKey(ledger, nodeHash, { tenant, scopes, clock: systemClock, randomBytes });
    const id = key.split('_')[1];
    if (json) printJson({ id, key, tenant, scopes });
    else {
      print(key);
      note(`Key ${id} of ${platform ? 'the platform' : `tenant ${tenant}`}: ${scopes.join(', ')}. It cannot be shown again.`);
    }
  } finally {
    await ledger.close();
  }
}
