import { randomBytes } from 'node:crypto';
import { decodeJson, keys, MemoryLedger, type ApiKeyRow } from '@meridian/ledger';
import { ApiKeys, createApiKey } from './api-keys';
import { hash, StandingClock } from './testing';

async function world(): Promise<{ ledger: MemoryLedger; clock: StandingClock; key: string; apiKeys: ApiKeys }> {
  const [ledger, clock] = [new MemoryLedger(), new StandingClock(1_000)];
  const key = await createApiKey(ledger, hash, { tenant: 'acme', scopes: ['ingest', 'read'], clock, randomBytes });
  return { ledger, clock, key, apiKeys: new ApiKeys({ ledger, hash, clock }) };
}

describe('API keys', () => {
  it('speak for their tenant with their scopes', async () => {
    const { key, apiKeys } = await world();
    const caller = await apiKeys.caller(`Bearer ${key}`);
    expect(caller).toMatchObject({ tenant: 'acme', scopes: new Set(['ingest', 'read']) });
  });

  it('leave nothing of their secret in the ledger', async () => {
    const { ledger, key } = await world();
    const [, id, ...secret] = key.split('_');
    const row = ledger.stored(keys.apiKey(id!))!;
    expect(decodeJson<ApiKeyRow>(row.value)).toMatchObject({ id, tenant: 'acme', createdAt: 1_000 });
    expect(new TextDecoder().decode(row.value)).not.toContain(secret.join('_'));
  });

  it('are refused without a key, with a malformed one, an unknown one and a wrong secret', async () => {
    const { key, apiKeys } = await world();
    const other = `${key.slice(0, -2)}${key.endsWith('AA') ? 'BB' : 'AA'}`;
    const unknown = key.replace(/^mk_[0-9a-f]{16}/, `mk_${'0'.repeat(16)}`);
    for (const header of [undefined, '', key, `Basic ${key}`, 'Bearer', 'Bearer mk_x_y', `Bearer ${key}x`, `Bearer ${other}`, `Bearer ${unknown}`]) {
      await expect(apiKeys.caller(header)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('are believed for a while without asking the ledger, and no longer', async () => {
    const { ledger, clock, key, apiKeys } = await world();
    await apiKeys.caller(`Bearer ${key}`);
    await ledger.close();
    clock.move(29_999);
    await expect(apiKeys.caller(`Bearer ${key}`)).resolves.toMatchObject({ tenant: 'acme' });
    clock.move(1);
    await expect(apiKeys.caller(`Bearer ${key}`)).rejects.toMatchObject({ code: 'ledger_closed' });
  });
});
