import { Value } from '@sinclair/typebox/value';
import { HOUR, NOW, usage, voiding, World, type Answer } from './harness';
import { coverageSchema, explainSchema, sessionListSchema, sessionSchema, usageSchema } from './schema';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.close());

const sessionPath = (session: string): string => `/v1/tenants/acme/sessions/${encodeURIComponent(session)}`;
const isFinalWith = (events: number) => ({ status, body }: Answer): boolean => status === 200 && body.status === 'final' && body.events === events;

describe('the total of a session', () => {
  it('counts what arrived in two regions once, and says so with its claim', async () => {
    const [once, twice] = [usage({ session: 'a' }), usage({ session: 'a', model: 'claude', provider: 'anthropic', tokens: { input: Number.MAX_SAFE_INTEGER, cacheRead: 1 } })];
    await world.accept('eu', once, twice);
    await world.accept('us', twice, usage({ session: 'a', tokens: { output: Number.MAX_SAFE_INTEGER } }));
    const { body } = await world.until(sessionPath('a'), ({ body: { duplicates, events, status } }) => duplicates === 1 && events === 3 && status === 'final');
    expect(body).toEqual({
      tenant: 'acme', session: 'a',
      tokens: { input: '9007199254741001', cacheRead: '1', output: '9007199254740996' }, total: '18014398509481998',
      events: 3, duplicates: 1, conflicts: 0, voided: 0, streams: 2,
      byRegion: [
        { region: 'eu', events: 2, tokens: { input: '9007199254741001', cacheRead: '1', output: '5' }, total: '9007199254741007' },
        { region: 'us', events: 1, tokens: { output: '9007199254740991' }, total: '9007199254740991' },
      ],
      byModel: [
        { provider: 'anthropic', model: 'claude', events: 1, tokens: { input: '9007199254740991', cacheRead: '1' }, total: '9007199254740992' },
        { provider: 'openai', model: 'gpt-4o', events: 2, tokens: { input: '10', output: '9007199254740996' }, total: '9007199254741006' },
      ],
      status: 'final', cut: expect.any(Number) as number, asOf: expect.stringMatching(/^\d{4}-.*Z$/) as string, reasons: [],
    });
    const elsewhere = await world.until(sessionPath('a'), isFinalWith(3), { region: 'us' });
    expect(elsewhere.body).toMatchObject({ tokens: body.tokens, total: body.total, byRegion: body.byRegion });
  });

  it('shows conflicts without hiding that it is final', async () => {
    const event = usage({ session: 'b' });
    await world.accept('eu', event);
    await world.accept('us', { ...event, tokens: { input: 11 } });
    const { body } = await world.until(sessionPath('b'), ({ body: { conflicts } }) => conflicts === 1);
    expect(body).toMatchObject({ events: 1, tokens: { input: '10', output: '5' }, conflicts: 1, reasons: [{ code: 'conflict', conflicts: 1 }] });
  });

  it('takes names with separators, and refuses what is no name', async () => {
    const session = 'a/b#c%2F?x=1&ä 😀';
    await world.accept('us', usage({ session }));
    expect((await world.until(sessionPath(session), isFinalWith(1))).body.session).toBe(session);
    expect(await world.request(sessionPath('x\u0000y'))).toMatchObject({ status: 400, body: { code: 'parameter_invalid', parameter: 'session' } });
    expect(await world.request(sessionPath('x'.repeat(257)))).toMatchObject({ status: 400, body: { parameter: 'session' } });
  });

  it('adds an estimate of what lies beyond the cut when asked to, labelled', async () => {
    await world.accept('eu', usage({ session: 'c' }));
    const { body } = await world.until(`${sessionPath('c')}?live=true`, ({ status }) => status === 200);
    expect(body.live).toEqual({ estimate: true, events: 1, tokens: { input: '10', output: '5' }, total: '15' });
    expect(await world.request(`${sessionPath('c')}?live=yes`)).toMatchObject({ status: 400, body: { parameter: 'live' } });
  });

  it('is a 404 for a session or tenant nobody has heard of', async () => {
    expect(await world.request(sessionPath('never'))).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await world.request(`${sessionPath('never')}/explain`)).toMatchObject({ status: 404 });
    const key = await world.newKey('*', ['read']);
    expect(await world.request('/v1/tenants/nobody/sessions/s', { key })).toMatchObject({ status: 404 });
    expect(await world.request('/v1/tenants/a%20b/sessions/s', { key })).toMatchObject({ status: 400, body: { code: 'tenant_invalid' } });
  });

  it('is for its tenant only, with the scope to read', async () => {
    expect(await world.request('/v1/tenants/other/sessions/s')).toMatchObject({ status: 403, body: { code: 'tenant_forbidden' } });
    const key = await world.newKey('acme', ['ingest']);
    expect(await world.request(sessionPath('a'), { key })).toMatchObject({ status: 403, body: { code: 'scope_missing' } });
    expect(await world.request(sessionPath('a'), { key: 'nonsense' })).toMatchObject({ status: 401 });
  });
});

describe('explain', () => {
  it('tells of every entry what became of it', async () => {
    const [twice, voided, conflicting] = [usage({ session: 'x', attributes: { a: 'b' } }), usage({ session: 'x' }), usage({ session: 'x', tier: 'batch' })];
    await world.accept('eu', twice, voided, conflicting);
    await world.accept('us', twice, { ...conflicting, tokens: { input: 1 } }, voiding(voided));
    await world.until(sessionPath('x'), ({ body }) => body.streams === 2 && body.voided === 1 && body.status === 'final');
    const { body } = await world.request(`${sessionPath('x')}/explain`);
    const { entries } = body;
    const find = (outcome: string): (typeof entries)[number] => entries.find((entry) => entry.outcome === outcome)!;
    const where = ({ log, offset }: (typeof entries)[number]): unknown => ({ log, offset });
    const counted = entries.find(({ outcome, identity }) => outcome === 'counted' && identity === find('duplicate').identity)!;
    expect(entries.map(({ outcome }) => outcome).sort()).toEqual(['conflict', 'counted', 'counted', 'duplicate', 'void', 'voided']);
    expect(find('duplicate')).toEqual({
      identity: expect.stringMatching(/^[0-9a-f]{32}$/) as string, region: 'us', log: expect.stringMatching(/^us\.0\.[01]$/) as string,
      stream: expect.stringMatching(/^us\.0\.[01]~0$/) as string, offset: expect.any(Number) as number, time: new Date(NOW).toISOString(),
      kind: 'usage', provider: 'openai', model: 'gpt-4o', counted: 'reported', tokens: { input: '10', output: '5' },
      outcome: 'duplicate', duplicateOf: where(counted),
    });
    expect(find('conflict')).toMatchObject({ region: 'us', tier: 'batch', conflictsWith: { log: expect.stringMatching(/^eu/) as string } });
    expect(find('voided')).toMatchObject({ region: 'eu', voidedBy: [where(find('void'))] });
    const voidEntry = find('void');
    expect(voidEntry).toMatchObject({ kind: 'void', reason: 'test traffic', target: find('voided').identity });
    expect(body).toMatchObject({ tenant: 'acme', session: 'x', status: 'final', reasons: [{ code: 'conflict' }] });
  });
});

describe('the list of sessions', () => {
  const listPath = '/v1/tenants/globex/sessions';

  it('gives every session of a month once, page by page', async () => {
    const key = await world.newKey('globex', ['read']);
    const names = Array.from({ length: 25 }, (_, i) => `session/${i}`);
    for (const session of names) await world.accept('eu', usage({ tenant: 'globex', session }));
    const period = new Date(NOW).toISOString().slice(0, 7);
    await world.until(`${listPath}?period=${period}&limit=1000`, ({ body }) => body.sessions.length === 25, { key });
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await world.request(`${listPath}?period=${period}&limit=7${cursor && `&cursor=${cursor}`}`, { key });
      expect(body.sessions.length).toBeLessThanOrEqual(7);
      expect(body.sessions[0]).toMatchObject({ events: 1, tokens: { input: '10', output: '5' }, total: '15', streams: 1 });
      found.push(...body.sessions.map(({ session }) => session));
      cursor = body.next;
    }
    expect(found.sort()).toEqual([...names].sort());
    expect((await world.request(`${listPath}?period=1999-01`, { key })).body.sessions).toEqual([]);
  });

  it.each([
    ['period=2026-13', 'period'], ['period=2026', 'period'], ['limit=0', 'limit'], ['limit=1001', 'limit'], ['limit=x', 'limit'], ['cursor=zzz', 'cursor'],
    [`cursor=${Buffer.from('["other/2026-01",0,null]').toString('base64url')}`, 'cursor'], ['page=2', 'page'], ['limit=1&limit=2', 'limit'], ['__proto__=1', '__proto__'],
  ])('refuses %s by the name of the parameter', async (query, parameter) => {
    expect(await world.request(`/v1/tenants/acme/sessions?${query}`)).toMatchObject({ status: 400, body: { code: 'parameter_invalid', parameter } });
  });
});

describe('usage', () => {
  const time = (ms: number): string => encodeURIComponent(new Date(ms).toISOString());
  const DAY = 24 * HOUR;
  const midnight = Math.floor(NOW / DAY) * DAY;
  const path = (from: number, to: number, rest = ''): string => `/v1/tenants/initech/usage?from=${time(from)}&to=${time(to)}${rest}`;
  let key: string;

  beforeAll(async () => {
    key = await world.newKey('initech', ['read']);
    const twice = usage({ tenant: 'initech', time: NOW - HOUR });
    await world.accept('eu', twice, usage({ tenant: 'initech', time: NOW + HOUR - 1, model: 'o3' }));
    await world.accept('us', twice, usage({ tenant: 'initech', time: NOW }));
    await world.until('/v1/tenants/initech/sessions/s1', ({ body }) => body.duplicates === 1 && body.events === 3 && body.status === 'final', { key });
  });

  it('is by hour, grouped as asked, half-open', async () => {
    const { body } = await world.request(path(NOW - HOUR, NOW + HOUR, '&by=hour&group=model,region'), { key });
    expect(body.lines).toEqual([
      { start: new Date(NOW - HOUR).toISOString(), model: 'gpt-4o', region: 'eu', events: 1, duplicates: 0, tokens: { input: '10', output: '5' }, total: '15' },
      // What came a second time shows where it came, and counts nothing.
      { start: new Date(NOW - HOUR).toISOString(), model: 'gpt-4o', region: 'us', events: 0, duplicates: 1, tokens: { input: '0', output: '0' }, total: '0' },
      { start: new Date(NOW).toISOString(), model: 'o3', region: 'eu', events: 1, duplicates: 0, tokens: { input: '10', output: '5' }, total: '15' },
      { start: new Date(NOW).toISOString(), model: 'gpt-4o', region: 'us', events: 1, duplicates: 0, tokens: { input: '10', output: '5' }, total: '15' },
    ]);
    expect(body).toMatchObject({ tenant: 'initech', by: 'hour', group: ['model', 'region'], status: 'final', reasons: [] });
    expect((await world.request(path(NOW, NOW + HOUR), { key })).body.lines).toEqual([
      { start: new Date(NOW).toISOString(), events: 2, duplicates: 0, tokens: { input: '20', output: '10' }, total: '30' },
    ]);
  });

  it('is by day', async () => {
    const { body } = await world.request(path(midnight - DAY, midnight + 2 * DAY, '&by=day'), { key });
    expect(body.lines.reduce((sum, { events }) => sum + events, 0)).toBe(3);
  });

  it.each<[string, string, string]>([
    ['no from', `/v1/tenants/initech/usage?to=${time(NOW)}`, 'from'],
    ['a time that is none', '/v1/tenants/initech/usage?from=yesterday&to=today', 'from'],
    ['half an hour', path(NOW, NOW + HOUR / 2), 'to'],
    ['an empty range', path(NOW, NOW), 'to'],
    ['a backward range', path(NOW, NOW - HOUR), 'to'],
    ['a range of two years', path(NOW - 730 * DAY, NOW), 'to'],
    ['hours by day', path(midnight + HOUR, midnight + DAY, '&by=day'), 'from'],
    ['another unit', path(NOW, NOW + HOUR, '&by=week'), 'by'],
    ['an unknown group', path(NOW, NOW + HOUR, '&group=model,user'), 'group'],
  ])('refuses %s by the name of the parameter', async (_what, refused, parameter) => {
    expect(await world.request(refused, { key })).toMatchObject({ status: 400, body: { code: 'parameter_invalid', parameter } });
  });
});

describe('coverage', () => {
  it('says of every log where it stands', async () => {
    const tooOld = usage({ tenant: 'hooli', time: NOW - 36 * 24 * HOUR });
    await world.accept('us', tooOld);
    const key = await world.newKey('hooli', ['ops']);
    const { body } = await world.until('/v1/coverage', ({ body: { status, logs } }) => status === 'final' && logs.some(({ counts, behind }) => counts.quarantined === 1 && behind === 0), { key });
    expect(body.logs.map(({ log }) => log)).toEqual(['eu.0.0', 'eu.0.1', 'us.0.0', 'us.0.1']);
    for (const log of body.logs) {
      expect(log.counts.entries + log.counts.duplicates + log.counts.quarantined).toBe(log.reached);
    }
    expect(body).toMatchObject({ status: 'final', cut: expect.any(Number) as number });
  });

  it('needs a key that reads or operates', async () => {
    expect(await world.request('/v1/coverage', { key: await world.newKey('acme', ['ingest']) })).toMatchObject({ status: 403 });
  });
});

describe('answers', () => {
  it.each([
    ['/v1/tenants/acme/sessions/x?live=true', sessionSchema],
    ['/v1/tenants/acme/sessions/x/explain', explainSchema],
    ['/v1/tenants/acme/sessions', sessionListSchema],
    [`/v1/tenants/acme/usage?from=${new Date(NOW).toISOString()}&to=${new Date(NOW + HOUR).toISOString()}&group=provider`, usageSchema],
    ['/v1/coverage', coverageSchema],
  ])('to %s are what OpenAPI says', async (path, schema) => {
    const { status, body } = await world.request(path);
    expect(status).toBe(200);
    expect([...Value.Errors(schema, body)]).toEqual([]);
  });
});
