import { keys, type StoredRow } from '@meridian/ledger';
import { HOUR, NOW, usage, voiding, World, type Answer, type Body } from './harness';

let world: World;
beforeAll(async () => {
  world = await World.start();
  const [twice, voided] = [usage(), usage()];
  await world.accept('eu', twice, voided, usage({ session: 'plain' }));
  await world.accept('us', twice, voiding(voided));
  await world.until('/v1/tenants/acme/sessions/s1', ({ body }) => body.duplicates === 1 && body.voided === 1 && body.status === 'final');
  await world.until('/v1/tenants/acme/sessions/plain', ({ body }) => body.status === 'final');
});
afterAll(() => world.close());

const post = (body: unknown, key?: string): Promise<Answer> => world.request('/v1/jobs', { method: 'POST', body: JSON.stringify(body), ...(key !== undefined && { key }) });

/** Submits a job over the whole tenant and waits for its result. */
async function resolve(dryRun: boolean, scope: object = {}): Promise<Body['result']> {
  const { status, headers, body } = await post({ kind: 'resolve', scope: { tenant: 'acme', ...scope }, dryRun });
  expect(status).toBe(202);
  expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
  const done = await world.until(headers.get('location')!, (answer) => ['succeeded', 'failed'].includes(answer.body.state));
  expect(done.body).toMatchObject({ id: body.id, state: 'succeeded', dryRun, region: 'eu', scope: { tenant: 'acme' }, progress: { phase: 'done' } });
  return done.body.result;
}

describe('a rerun of reconciliation', () => {
  it('finds nothing in a healthy region', async () => {
    expect(await resolve(true)).toMatchObject({ changes: 0, differences: [] });
    expect(await resolve(false)).toMatchObject({ changes: 0, differences: [] });
  });

  it('names rows damaged by hand, restores them, and finds nothing after', async () => {
    const damaged = {
      U: keys.usageHour('eu', 'acme', new Date(NOW).toISOString().slice(0, 13)),
      V: keys.sessionCache('eu', 'acme', 's1'),
    };
    const before = Object.values(damaged).map((key) => world.ledger.stored(key)!);
    for (const row of before) world.ledger.put({ ...row, value: damage(row) });
    const named = [['U', damaged.U.pk, 'wrong'], ['V', damaged.V.pk, 'wrong']];
    const brief = ({ differences }: Awaited<ReturnType<typeof resolve>>): string[][] => differences.map(({ row, pk, problem }) => [row, pk, problem]).sort();
    expect(brief(await resolve(true))).toEqual(named);
    expect(world.ledger.stored(damaged.U)!.value).not.toEqual(before[0]!.value);
    const run = await resolve(false);
    expect(brief(run)).toEqual(named);
    expect(run.changes).toBe(2);
    const totals = await world.request('/v1/tenants/acme/sessions/s1');
    expect(totals.body).toMatchObject({ events: 1, duplicates: 1, voided: 1, total: '15' });
    expect(await resolve(false)).toMatchObject({ changes: 0, differences: [] });
  });

  it('may be about one session or a range of hours', async () => {
    const time = (ms: number): string => new Date(ms).toISOString();
    expect(await resolve(false, { session: 's1' })).toMatchObject({ changes: 0, sessions: 1 });
    expect(await resolve(false, { from: time(NOW), to: time(NOW + HOUR) })).toMatchObject({ changes: 0 });
  });
});

/** Another number of events, in the same form. */
function damage({ value }: StoredRow): Uint8Array {
  const text = new TextDecoder().decode(value);
  const wrong = text.replace(/"events":(\d+)/, (_, events: string) => `"events":${Number(events) + 41}`);
  expect(wrong).not.toBe(text);
  return new TextEncoder().encode(wrong);
}

describe('a job', () => {
  it.each<[string, unknown, string]>([
    ['no object', [], ''],
    ['no kind', { scope: { tenant: 'acme' } }, '/kind'],
    ['another kind', { kind: 'drop', scope: { tenant: 'acme' } }, '/kind'],
    ['no scope', { kind: 'resolve' }, '/scope'],
    ['no tenant', { kind: 'resolve', scope: {} }, '/scope/tenant'],
    ['a malformed tenant', { kind: 'resolve', scope: { tenant: 'a b' } }, '/scope/tenant'],
    ['a typo', { kind: 'resolve', scope: { tenant: 'acme', sesion: 's' } }, '/scope/sesion'],
    ['text for a flag', { kind: 'resolve', scope: { tenant: 'acme' }, dryRun: 'yes' }, '/dryRun'],
    ['half an hour', { kind: 'resolve', scope: { tenant: 'acme', from: '2026-01-01T00:30:00Z' } }, '/scope/from'],
    ['a time that is none', { kind: 'resolve', scope: { tenant: 'acme', to: '2026-02-30T00:00:00Z' } }, '/scope/to'],
    ['a session that is no name', { kind: 'resolve', scope: { tenant: 'acme', session: 'x\u0000' } }, '/scope/session'],
  ])('is refused with %s', async (_what, body, pointer) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { code: 'body_invalid', pointer } });
  });

  it('is refused for a session and a range at once, and for a backward range', async () => {
    const [from, to] = ['2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z'];
    expect(await post({ kind: 'resolve', scope: { tenant: 'acme', session: 's', from } })).toMatchObject({ status: 400, body: { code: 'scope_invalid' } });
    expect(await post({ kind: 'resolve', scope: { tenant: 'acme', from, to } })).toMatchObject({ status: 400, body: { code: 'scope_invalid' } });
  });

  it('is refused as malformed, too large, of another type, or missing', async () => {
    const send = (init: RequestInit): Promise<Answer> => world.request('/v1/jobs', { method: 'POST', ...init });
    expect(await send({ body: '{"kind":"resolve","kind":"resolve"}' })).toMatchObject({ status: 400, body: { code: 'member_duplicate', pointer: '/kind' } });
    expect(await send({ body: ' '.repeat(65_537) })).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(await send({ body: '{}', headers: { 'content-type': 'text/plain' } })).toMatchObject({ status: 415 });
    expect(await send({})).toMatchObject({ status: 400, body: { code: 'body_missing' } });
  });

  it('is for the tenant of the key, with the scope for it', async () => {
    expect(await post({ kind: 'resolve', scope: { tenant: 'other' } })).toMatchObject({ status: 403, body: { code: 'tenant_forbidden', pointer: '/scope/tenant' } });
    expect(await post({ kind: 'resolve', scope: { tenant: 'acme' } }, await world.newKey('acme', ['read']))).toMatchObject({ status: 403, body: { code: 'scope_missing' } });
    const { body } = await post({ kind: 'resolve', scope: { tenant: 'other' } }, await world.newKey('*', ['ops']));
    expect(await world.request(`/v1/jobs/${body.id}`)).toMatchObject({ status: 404, body: { code: 'unknown_job' } });
    expect(await world.request(`/v1/jobs/${body.id}`, { key: await world.newKey('other', ['ops']) })).toMatchObject({ status: 200 });
  });

  it('is a 404 when there is none', async () => {
    expect(await world.request('/v1/jobs/none')).toMatchObject({ status: 404, body: { code: 'unknown_job' } });
  });
});
