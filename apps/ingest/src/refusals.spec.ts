import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Harness, SINGLE, usage, type Answer } from './harness';

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start({ limits: { bodyBytesMax: 100_000 } });
});
afterAll(() => harness.close());

function expectProblem({ status, type, body }: Answer, expected: { status: number; code: string; pointer?: string; detail?: RegExp }): void {
  expect({ status, type, body }).toEqual({
    status: expected.status,
    type: 'application/problem+json',
    body: {
      type: `urn:meridian:problem:${expected.code}`, title: expect.any(String) as string, status: expected.status, code: expected.code,
      detail: expected.detail ? (expect.stringMatching(expected.detail) as string) : (expect.any(String) as string),
      ...(expected.pointer !== undefined && { pointer: expected.pointer }),
    },
  });
}

const valid = (): string => JSON.stringify([usage()]);

describe('a request is refused whole, as problem+json', () => {
  it.each<[string, string, Record<string, string>, { status: number; code: string; pointer?: string; detail?: RegExp }]>([
    ['malformed JSON', '[{"id":', {}, { status: 400, code: 'body_malformed', detail: /line 1, column 8/ }],
    ['NaN', valid().replace('10', 'NaN'), {}, { status: 400, code: 'body_malformed', detail: /"NaN"/ }],
    ['a member twice', valid().replace('"input":10', '"input":10,"input":1'), {}, { status: 400, code: 'member_duplicate', pointer: '/0/data/tokens/input' }],
    ['__proto__', valid().replace('"input":10', '"__proto__":{"input":10}'), {}, { status: 400, code: 'member_forbidden', pointer: '/0/data/tokens/__proto__' }],
    ['constructor', valid().replace('"id"', '"constructor"'), {}, { status: 400, code: 'member_forbidden', pointer: '/0/constructor' }],
    ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, {}, { status: 400, code: 'nesting_too_deep', pointer: '/0'.repeat(16) }],
    ['an empty body', '', {}, { status: 400, code: 'body_missing' }],
    ['an empty batch', '[]', {}, { status: 400, code: 'body_invalid', detail: /at least one/ }],
    ['an object as a batch', '{}', {}, { status: 400, code: 'body_invalid', detail: /application\/cloudevents\+json/ }],
    ['an array as one event', '[]', { 'content-type': SINGLE }, { status: 400, code: 'body_invalid', detail: /batch/ }],
    ['1,001 events', JSON.stringify(Array.from({ length: 1_001 }, () => ({}))), {}, { status: 413, code: 'batch_too_large', detail: /1001 events: send at most 1000/ }],
    ['too many bytes', `[${' '.repeat(100_001)}]`, {}, { status: 413, code: 'body_too_large' }],
    ['plain JSON', valid(), { 'content-type': 'application/json' }, { status: 415, code: 'media_type_unsupported' }],
    ['text', valid(), { 'content-type': 'text/plain' }, { status: 415, code: 'media_type_unsupported' }],
    ['another charset', valid(), { 'content-type': `${SINGLE}; charset=latin1` }, { status: 415, code: 'media_type_unsupported', detail: /latin1/ }],
    ['another encoding', valid(), { 'content-encoding': 'br' }, { status: 415, code: 'encoding_unsupported' }],
    ['no gzip under gzip', valid(), { 'content-encoding': 'gzip' }, { status: 400, code: 'body_malformed', detail: /gzip/ }],
  ])('%s', async (_what, body, headers, expected) => {
    expectProblem(await harness.post(body, headers), expected);
  });

  it('bytes that are no UTF-8', async () => {
    expectProblem(await harness.post(new Uint8Array([0x5b, 0xff, 0x5d])), { status: 400, code: 'body_malformed', detail: /UTF-8/ });
  });

  it('a bomb: small as sent, too large inflated', async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200 * 1024 * 1024, ' ')));
    expect(bomb.length).toBeGreaterThan(100_000);
    expectProblem(await harness.post(bomb, { 'content-encoding': 'gzip' }), { status: 413, code: 'body_too_large' });
    const small = new Uint8Array(gzipSync(Buffer.alloc(50 * 1024 * 1024, ' ')));
    expect(small.length).toBeLessThan(100_000);
    expectProblem(await harness.post(small, { 'content-encoding': 'gzip' }), { status: 413, code: 'body_too_large', detail: /when inflated/ });
  });

  it('a cut off gzip', async () => {
    const half = new Uint8Array(gzipSync(valid()).subarray(0, 40));
    expectProblem(await harness.post(half, { 'content-encoding': 'gzip' }), { status: 400, code: 'body_malformed' });
  });

  it('a path and a method that are not there', async () => {
    expectProblem(await harness.fetch('/v2/events'), { status: 404, code: 'not_found' });
    const answer = await harness.fetch('/v1/events', { method: 'DELETE' });
    expectProblem(answer, { status: 405, code: 'method_not_allowed', detail: /use POST/ });
    expect(answer.headers.get('allow')).toBe('POST');
    expectProblem(await harness.fetch('/v1/%zz'), { status: 400, code: 'request_malformed' });
  });

  it('what is no HTTP at all', async () => {
    const { port } = new URL(harness.service.url);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('GARBAGE\r\n\r\n'));
      socket.on('data', (data) => (text += data.toString())).on('close', () => resolve(text)).on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"request_malformed"');
  });
});

describe('keys', () => {
  const send = (headers: Record<string, string>): Promise<Answer> =>
    harness.fetch('/v1/events', { method: 'POST', body: valid(), headers: { 'content-type': 'application/cloudevents-batch+json', ...headers } });

  it('are needed', async () => {
    const answer = await send({});
    expectProblem(answer, { status: 401, code: 'unauthenticated' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('must be known', async () => {
    expectProblem(await send({ authorization: `Bearer mk_${'0'.repeat(16)}_${'A'.repeat(43)}` }), { status: 401, code: 'unauthenticated' });
  });

  it('need the scope', async () => {
    const key = await harness.newKey('acme', ['read']);
    expectProblem(await send({ authorization: `Bearer ${key}` }), { status: 403, code: 'scope_missing', detail: /ingest or void; this key has read/ });
  });

  it('of a tenant do not speak for another', async () => {
    expectProblem(await send({ authorization: `Bearer ${harness.key}`, 'meridian-tenant': 'other' }), { status: 403, code: 'tenant_forbidden' });
  });

  it('of the platform name their tenant', async () => {
    const authorization = `Bearer ${await harness.newKey('*', ['ingest'])}`;
    expectProblem(await send({ authorization }), { status: 400, code: 'tenant_required' });
    expectProblem(await send({ authorization, 'meridian-tenant': 'a b' }), { status: 400, code: 'tenant_invalid' });
    expect((await send({ authorization, 'meridian-tenant': 'globex' })).status).toBe(202);
    expect((await harness.records()).at(-1)).toMatchObject({ tenant: expect.stringMatching(/globex|acme/) as string });
    expect((await harness.records()).filter(({ tenant }) => tenant === 'globex')).toHaveLength(1);
  });
});
