import { MemoryLedger } from '@meridian/ledger';
import { nodeHash, systemClock, systemRandom } from '@meridian/system';
import { startTelemetry } from '@meridian/telemetry';
import { World } from './harness';
import { startReconciliation } from './service';

describe('a service of reconciliation', () => {
  it('is ready, tells its metrics and shows its API', async () => {
    await using world = await World.start();
    const { url, ended } = world.service('eu');
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    await world.untilMetrics(/meridian_cut_age_seconds\{[^}]*region="eu"/);
    await world.untilMetrics(/meridian_resolve_cut_number\{[^}]*region="us"/);
    const docs = (await (await fetch(`${url}/docs/json`)).json()) as { paths: object };
    expect(Object.keys(docs.paths)).toEqual([
      '/v1/tenants/{tenant}/sessions', '/v1/tenants/{tenant}/sessions/{session}', '/v1/tenants/{tenant}/sessions/{session}/explain',
      '/v1/tenants/{tenant}/usage', '/v1/coverage', '/v1/jobs', '/v1/jobs/{id}',
      '/v1/logs', '/v1/logs/takeover', '/v1/logs/retire', '/v1/logs/new-lineage',
    ]);
    await world.close();
    await expect(ended).resolves.toBeUndefined();
  });

  it('lives on, not ready, when its ledger is gone for good, and tells why it ended', async () => {
    const ledger = new MemoryLedger();
    const telemetry = startTelemetry({ serviceName: 'test', env: { LOG_LEVEL: 'silent' } });
    await using closing = new AsyncDisposableStack();
    closing.defer(() => telemetry.shutdown());
    const service = await startReconciliation({
      region: 'eu', listen: { host: '127.0.0.1', port: 0 }, ledger, control: new MemoryLedger(), clock: systemClock, random: systemRandom, hash: nodeHash, telemetry, loopIntervalMs: 10,
    });
    closing.defer(() => service.close());
    await ledger.close();
    await expect(service.ended).rejects.toMatchObject({ code: 'ledger_closed' });
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    const answer = await fetch(`${service.url}/v1/coverage`, { headers: { authorization: `Bearer mk_${'0'.repeat(16)}_${'A'.repeat(43)}` } });
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: 'ledger_closed' })]);
  });
});
