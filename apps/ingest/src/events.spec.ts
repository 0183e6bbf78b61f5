import { gzipSync } from 'node:zlib';
import { Harness, SINGLE, usage, voiding } from './harness';

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start();
});
afterAll(() => harness.close());

const { MAX_SAFE_INTEGER } = Number;

describe('events that are accepted', () => {
  it('are in the log as accounting reads them, and the answer says where', async () => {
    const sent = usage({
      id: 'first', subject: 'thread/7#ä', time: '2026-01-31T23:59:59.5+01:00', traceparent: 'x', datacontenttype: 'application/json',
      data: { tokens: { output: 2, input: MAX_SAFE_INTEGER, cacheRead: 0 }, operation: 'chat', tier: '', requestId: 'r', attributes: { team: 'a', note: '' } },
    });
    const { status, body } = await harness.batch(sent);
    expect(status).toBe(202);
    expect(body).toMatchObject({ results: [{ index: 0, id: 'first', status: 'accepted' }], accepted: 1, rejected: 0 });
    expect(Object.entries(body.through)).toEqual([[expect.stringMatching(/^eu\.0\.[01]$/), 1]]);
    expect((await harness.records()).at(-1)).toEqual({
      rules: 1, tenant: 'acme', source: 'chat', id: 'first', session: 'thread/7#ä', time: Date.parse('2026-01-31T22:59:59.500Z'), provider: 'openai', model: 'gpt-4o',
      operation: 'chat', tier: '', counted: 'reported', tokens: { input: MAX_SAFE_INTEGER, cacheRead: 0, output: 2 }, requestId: 'r', attributes: { team: 'a', note: '' },
    });
  });

  it('may come one at a time', async () => {
    const { status, body } = await harness.post(JSON.stringify(usage({ id: 'one' })), { 'content-type': `${SINGLE}; charset=UTF-8` });
    expect([status, body.results]).toEqual([202, [{ index: 0, id: 'one', status: 'accepted' }]]);
  });

  it('may come compressed', async () => {
    const { status } = await harness.post(new Uint8Array(gzipSync(JSON.stringify([usage()]))), { 'content-encoding': 'gzip' });
    expect(status).toBe(202);
  });

  it('may be voids, by a key with that scope', async () => {
    const sent = voiding({ source: 'chat', id: 'first', reason: 'test traffic' });
    expect((await harness.batch(sent)).status).toBe(202);
    const record = (await harness.records()).find(({ id }) => id === sent['id']);
    expect(record).toMatchObject({ void: { source: 'chat', id: 'first' }, reason: 'test traffic' });
    const key = await harness.newKey('acme', ['ingest']);
    const { status, body } = await harness.post(JSON.stringify([sent]), { authorization: `Bearer ${key}` });
    expect([status, body.results[0]!.code, body.results[0]!.pointer]).toEqual([422, 'scope_missing', '/0/type']);
  });

  it('may be old, or ahead: the append time decides, later', async () => {
    expect((await harness.batch(usage({ time: '1971-01-01T00:00:00Z' }), usage({ time: '9999-12-31T23:59:59Z' }))).body.accepted).toBe(2);
  });

  it('take identifiers with separators and any script, up to 256 bytes', async () => {
    const names = ['a/b#c~d%2F?&=', '..', ' ', 'ф'.repeat(128), '😀'.repeat(64), 'x'.repeat(256)];
    expect((await harness.batch(...names.map((name) => usage({ id: name, source: name, subject: name })))).body.accepted).toBe(names.length);
  });
});

describe('a batch with good and bad events', () => {
  it('has the good ones accepted and the bad ones named', async () => {
    const before = (await harness.records()).length;
    const { status, body } = await harness.batch(usage({ id: 'a' }), { id: 7 }, usage({ id: 'c', subject: '' }), 'no event', usage({ id: 'e' }));
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 2, rejected: 3 });
    expect(body.results.map((result) => [result.id, result.status, result.pointer])).toEqual([
      ['a', 'accepted', undefined], [null, 'rejected', '/1/type'], ['c', 'rejected', '/2/subject'], [null, 'rejected', '/3'], ['e', 'accepted', undefined],
    ]);
    expect((await harness.records()).length).toBe(before + 2);
  });

  it('is answered 422, with the same words, when none is good', async () => {
    const { status, type, body } = await harness.batch(usage({ subject: 3 }));
    expect([status, type, body.accepted, body.rejected, body.through]).toEqual([422, 'application/json; charset=utf-8', 0, 1, {}]);
  });
});

const TOO_LONG = 'x'.repeat(257);
const without = (name: string): Record<string, unknown> => Object.fromEntries(Object.entries(usage()).filter(([key]) => key !== name));
const withTokens = (tokens: unknown): Record<string, unknown> => usage({ data: { tokens } });

describe('an event is rejected, by name of the field, reason and fix', () => {
  it.each<[string, unknown, string, string, RegExp]>([
    ['no specversion', without('specversion'), 'field_missing', '/specversion', /^specversion: missing; send "1.0"/],
    ['another specversion', usage({ specversion: '0.3' }), 'field_invalid', '/specversion', /must be "1.0"/],
    ['no type', without('type'), 'field_missing', '/type', /^type: missing/],
    ['another type', usage({ type: 'com.example.x' }), 'type_unknown', '/type', /meridian.usage.v1/],
    ['no id', without('id'), 'field_missing', '/id', /^id: missing/],
    ['an empty id', usage({ id: '' }), 'field_invalid', '/id', /^id: must not be empty/],
    ['a number as id', usage({ id: 7 }), 'field_invalid', '/id', /must be a string, not 7/],
    ['an id of 257 bytes', usage({ id: TOO_LONG }), 'field_invalid', '/id', /takes 257 bytes of UTF-8; the limit is 256/],
    ['an id of 300 bytes in 100 characters', usage({ id: '한'.repeat(100) }), 'field_invalid', '/id', /takes 300 bytes/],
    ['a control character in an id', usage({ id: 'a\u0000b' }), 'field_invalid', '/id', /control character/],
    ['a line break in a session', usage({ subject: 'a\nb' }), 'field_invalid', '/subject', /control character/],
    ['half a surrogate pair', usage({ subject: '\ud800' }), 'field_invalid', '/subject', /surrogate/],
    ['no source', without('source'), 'field_missing', '/source', /^source: missing/],
    ['no session', without('subject'), 'field_missing', '/subject', /the session/],
    ['a session that is null', usage({ subject: null }), 'field_invalid', '/subject', /not null/],
    ['no time', without('time'), 'field_missing', '/time', /RFC 3339/],
    ['a time that is none', usage({ time: 'yesterday' }), 'field_invalid', '/time', /RFC 3339/],
    ['30 February', usage({ time: '2026-02-30T00:00:00Z' }), 'field_invalid', '/time', /RFC 3339/],
    ['a number as time', usage({ time: 1 }), 'field_invalid', '/time', /must be a string/],
    ['a time before the epoch', usage({ time: '1969-12-31T23:59:59Z' }), 'field_invalid', '/time', /1970/],
    ['no data', without('data'), 'field_missing', '/data', /^data: missing/],
    ['no provider', usage({ data: { provider: undefined } }), 'field_missing', '/data/provider', /^data.provider: missing/],
    ['an empty model', usage({ data: { model: '' } }), 'field_invalid', '/data/model', /^data.model: must not be empty/],
    ['a model of 129 bytes', usage({ data: { model: 'm'.repeat(129) } }), 'field_invalid', '/data/model', /limit is 128/],
    ['no tokens', usage({ data: { tokens: undefined } }), 'field_missing', '/data/tokens', /buckets: input, cacheRead/],
    ['no bucket', withTokens({}), 'field_invalid', '/data/tokens', /at least one bucket/],
    ['tokens as an array', withTokens([1]), 'field_invalid', '/data/tokens', /must be an object, not an array/],
    ['a bucket with a typo', withTokens({ inptu: 1 }), 'field_unknown', '/data/tokens/inptu', /no such bucket; the buckets are input/],
    ['a float', withTokens({ input: 1.5 }), 'field_invalid', '/data/tokens/input', /must be an integer .*, not 1.5/],
    ['a negative count', withTokens({ input: -1 }), 'field_invalid', '/data/tokens/input', /must not be negative/],
    ['2^53', withTokens({ output: 2 ** 53 }), 'field_invalid', '/data/tokens/output', /2\^53−1/],
    ['a count as text', withTokens({ input: '1' }), 'field_invalid', '/data/tokens/input', /not a string/],
    ['a count that is null', withTokens({ input: null }), 'field_invalid', '/data/tokens/input', /not null/],
    ['the payload of a provider', usage({ data: { tokens: undefined, usage: { prompt_tokens: 1 } } }), 'field_missing', '/data/tokens', /./],
    ['a payload beside tokens', usage({ data: { usage: {} } }), 'field_unknown', '/data/usage', /payloads of providers are not read yet; send the counts as data.tokens/],
    ['an unknown member of data', usage({ data: { user: 'x' } }), 'field_unknown', '/data/user', /data.attributes/],
    ['counted', usage({ data: { counted: 'estimated' } }), 'field_unknown', '/data/counted', /no such member/],
    ['33 attributes', usage({ data: { attributes: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, 'x'])) } }), 'field_invalid', '/data/attributes', /at most 32/],
    ['an attribute that is a number', usage({ data: { attributes: { 'a/b': 1 } } }), 'field_invalid', '/data/attributes/a~1b', /^data.attributes.a\/b: must be a string, not 1/],
    ['an attribute of 1025 bytes', usage({ data: { attributes: { a: 'x'.repeat(1025) } } }), 'field_invalid', '/data/attributes/a', /limit is 1024/],
    ['an attribute without a name', usage({ data: { attributes: { '': 'x' } } }), 'field_invalid', '/data/attributes', /the name of a member must not be empty/],
    ['an object as an extension', usage({ ext: {} }), 'field_invalid', '/ext', /must be string or number or boolean or null, not an object/],
    ['data of another content type', usage({ datacontenttype: 'text/xml' }), 'field_invalid', '/datacontenttype', /application\/json/],
    ['a void without a target', voiding({ reason: 'x' }), 'field_missing', '/data/source', /^data.source: missing/],
    ['a void without a reason', voiding({ source: 'a', id: 'b' }), 'field_missing', '/data/reason', /say why/],
    ['a void with tokens', voiding({ source: 'a', id: 'b', reason: 'x', tokens: {} }), 'field_unknown', '/data/tokens', /no such member/],
  ])('%s', async (_what, event, code, pointer, message) => {
    const { status, body } = await harness.post(JSON.stringify(event), { 'content-type': SINGLE });
    expect([status, body.results]).toEqual([422, [expect.objectContaining({ index: 0, status: 'rejected', code, pointer, message: expect.stringMatching(message) as string })]]);
  });

  it('a number that only rounding makes an integer, in a batch of sound ones', async () => {
    const event = JSON.stringify(usage({ id: 'r' })).replace('"input":10', '"input":9007199254740990.6');
    const { status, body } = await harness.post(`[${JSON.stringify(usage())},${event}]`);
    expect(status).toBe(202);
    expect(body.results[1]).toMatchObject({ id: 'r', code: 'number_rounded', pointer: '/1/data/tokens/input' });
  });
});
