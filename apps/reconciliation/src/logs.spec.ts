import { MemoryEventLog } from '@meridian/event-log';
import { newestCut, registerLogs } from '@meridian/pipeline';
import { systemClock } from '@meridian/system';
import { usage, World, type Answer } from './harness';

let world: World;
let platform: string;
beforeAll(async () => {
  world = await World.start();
  platform = await world.newKey('*', ['read', 'ops']);
  await world.accept('eu', usage());
  await world.accept('us', usage());
  await world.until('/v1/tenants/acme/sessions/s1', ({ body }) => body.status === 'final');
});
afterAll(() => world.close());

/** What a service of the region does at its start. */
const start = (): Promise<string[]> =>
  registerLogs(world.control, 'us', new MemoryEventLog({ incarnation: { cluster: 'us', topic: 'events', partitions: 2 }, clock: systemClock }), systemClock);
const post = (path: string, body: unknown, key = platform): Promise<Answer> => world.request(path, { method: 'POST', body: JSON.stringify(body), key });
const logs = async (): Promise<{ log: string; writer: string; retired: { offset: number; by: string; reason: string } | null }[]> =>
  ((await world.request('/v1/logs', { key: platform })).body as unknown as { logs: never }).logs;

describe('an operator', () => {
  it('hands the logs of a region to another writer, once, and back', async () => {
    const writers = async (): Promise<string[]> => (await logs()).filter(({ log }) => log.startsWith('us.')).map(({ writer }) => writer);
    expect(await writers()).toEqual(['us', 'us']);
    const over = await post('/v1/logs/takeover', { region: 'us', writer: 'eu' });
    expect(over).toMatchObject({ status: 200, body: { logs: [{ log: 'us.0.0' }, { log: 'us.0.1' }] } });
    expect(await writers()).toEqual(['eu', 'eu']);
    expect((await post('/v1/logs/takeover', { region: 'us', writer: 'eu' })).body).toEqual({ logs: [] });
    await post('/v1/logs/takeover', { region: 'us', writer: 'us' });
    expect(await writers()).toEqual(['us', 'us']);
    const { logs: inCut } = await newestCut(world.control);
    expect(inCut.find(({ log }) => log === 'us.0.0')?.segments.map(({ stream, writer }) => `${stream} ${writer}`)).toEqual(['us.0.0~0 us', 'us.0.0~1 eu', 'us.0.0~2 us']);
  });

  it('needs a key of the platform, a region that is there, and no other members', async () => {
    expect(await post('/v1/logs/takeover', { region: 'us', writer: 'eu' }, world.key)).toMatchObject({ status: 403, body: { code: 'tenant_forbidden' } });
    expect(await post('/v1/logs/takeover', { region: 'mars', writer: 'eu' })).toMatchObject({ status: 404, body: { code: 'unknown_log' } });
    expect(await post('/v1/logs/takeover', { region: 'us', writer: 'mars' })).toMatchObject({ status: 404, body: { code: 'unknown_log' } });
    expect(await post('/v1/logs/takeover', { region: 'us' })).toMatchObject({ status: 400, body: { pointer: '/writer' } });
    expect(await post('/v1/logs/takeover', { region: 'us', writer: 'eu', force: true })).toMatchObject({ status: 400, body: { pointer: '/force' } });
    const wrong = await post('/v1/logs/retire', { region: 'us', reason: '' });
    expect(wrong).toMatchObject({ status: 400, body: { pointer: '/reason' } });
  });

  it('begins anew with a topic: with the next start of a service its logs count up to where they were folded, on record, and others are registered', async () => {
    const { body } = await post('/v1/logs/new-lineage', { region: 'us', reason: 'topic re-created' });
    expect(body).toEqual({ logs: [{ log: 'us.0.0', offset: expect.any(Number) as number }, { log: 'us.0.1', offset: expect.any(Number) as number }] });
    expect((await logs()).filter(({ retired }) => retired)).toEqual([]);
    expect(await start()).toEqual(['us.1.0', 'us.1.1']);
    const retired = (await logs()).filter(({ retired }) => retired);
    expect(retired.map(({ log, retired: why }) => [log, why?.reason])).toEqual([['us.0.0', 'topic re-created'], ['us.0.1', 'topic re-created']]);
    expect(retired.reduce((sum, { retired: at }) => sum + at!.offset, 0)).toBe(1);
  });

  it('gives up the logs of a region at the newest cut, and no service starts on them any more', async () => {
    const { body } = await post('/v1/logs/retire', { region: 'us', reason: 'region lost' });
    expect(body).toEqual({ logs: [{ log: 'us.1.0', offset: 0 }, { log: 'us.1.1', offset: 0 }] });
    expect(await post('/v1/logs/retire', { region: 'us', reason: 'again' })).toMatchObject({ status: 404, body: { code: 'unknown_log' } });
    await expect(start()).rejects.toMatchObject({ code: 'log_retired', message: expect.stringContaining('meridian logs new-lineage --region us') as string });
  });
});
