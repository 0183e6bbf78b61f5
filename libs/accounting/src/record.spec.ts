import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { BUCKETS } from './bucket';
import type { Hash } from './environment';
import { AccountingError } from './errors';
import { EVENT_AGE_MAX_MS, EVENT_AHEAD_MAX_MS, type MeridianEvent, type UsageEvent, type VoidEvent } from './event';
import { identify } from './identity';
import { encodeRecord, isName, isText, Judge, type Judgement } from './record';
import { Shapes } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);
const judge = new Judge(hash, shapes);
const NOW = Date.parse('2026-03-01T10:00:00Z');
const MAX = Number.MAX_SAFE_INTEGER;

const usage: UsageEvent = {
  kind: 'usage', tenant: 'acme', source: 'chat', id: 'evt-1', session: 'session-1', time: NOW,
  provider: 'openai', model: 'gpt-4o-mini', counted: 'reported', tokens: { output: 5, input: 3 },
};
const voided: VoidEvent = {
  kind: 'void', tenant: 'acme', source: 'chat', id: 'void-1', session: 'session-1', time: NOW,
  target: { source: 'chat', id: 'evt-1' }, reason: 'sent twice',
};

function judgeText(text: string, time = NOW): Judgement {
  return judge.judge({ offset: 42, time, value: Buffer.from(text, 'utf8') });
}

/** Judges the usage record with fields replaced; `undefined` takes one away. */
function judgeWith(change: Record<string, unknown>, event: MeridianEvent = usage): Judgement {
  return judgeText(JSON.stringify({ ...(JSON.parse(encodeRecord(event)) as object), ...change }));
}

function thrown(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

const dimensions = { provider: 'openai', model: 'gpt-4o-mini', operation: '', tier: '', inferenceRegion: '', counted: 'reported' } as const;
const accepted = { kind: 'accepted' };
const invalid = { kind: 'quarantined', code: 'field_invalid' };

describe('a record', () => {
  it('of a usage event is judged an entry with its counts in bucket order', () => {
    expect(judgeText(encodeRecord(usage))).toEqual({
      kind: 'accepted', tenant: 'acme', session: 'session-1', rules: 1,
      entry: {
        identity: identify(usage, hash), offset: 42, time: NOW, tokens: [3, 5], target: '', shape: shapes.usage(dimensions, 0b10001),
      },
    });
  });

  it('of a void is judged an entry without tokens that names its target', () => {
    expect(judgeText(encodeRecord(voided))).toEqual({
      kind: 'accepted', tenant: 'acme', session: 'session-1', rules: 1,
      entry: {
        identity: identify(voided, hash), offset: 42, time: NOW, tokens: [], target: identify(usage, hash),
        shape: shapes.void('sent twice'),
      },
    });
  });

  it('is the same text for the same event, whatever the order its counts were given in', () => {
    expect(encodeRecord({ ...usage, tokens: { input: 3, output: 5 } })).toBe(encodeRecord(usage));
    expect(encodeRecord(usage)).toBe(
      '{"rules":1,"tenant":"acme","source":"chat","id":"evt-1","session":"session-1","time":1772359200000,"provider":"openai",' +
        '"model":"gpt-4o-mini","counted":"reported","tokens":{"input":3,"output":5}}',
    );
  });

  it('has the content it was sent with, and nothing that is not content changes its entry', () => {
    const judged = judgeText(encodeRecord({ ...usage, requestId: 'req-1', attributes: { team: 'search' } }));
    expect(judged).toEqual(judgeText(encodeRecord(usage)));
    expect(judgeWith({ somethingNewer: { a: 1 } })).toEqual(judgeText(encodeRecord(usage)));
  });

  it('has the same content with an empty dimension and without it', () => {
    expect(judgeWith({ operation: '', tier: '', inferenceRegion: '' })).toEqual(judgeText(encodeRecord(usage)));
  });

  it('has other content when a count is zero than when it is absent', () => {
    const zero = judgeWith({ tokens: { input: 3, output: 5, reasoning: 0 } });
    expect(zero).toMatchObject({ kind: 'accepted', entry: { tokens: [3, 5, 0] } });
    expect(zero).not.toEqual(judgeText(encodeRecord(usage)));
  });

  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => isName(text));
  const dimension = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => isText(text, 128));
  const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, MAX));
  const tenant = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
  const head = { tenant, source: name, id: name, session: name, time: fc.integer({ min: NOW - 1e6, max: NOW }) };
  const anyUsage = fc.record(
    {
      ...head, kind: fc.constant('usage' as const), provider: dimension, model: dimension,
      counted: fc.constantFrom('reported', 'estimated'),
      tokens: fc.dictionary(fc.constantFrom(...BUCKETS), count, { minKeys: 1, noNullPrototype: true }),
      operation: dimension, tier: dimension, inferenceRegion: dimension, requestId: name,
    },
    { requiredKeys: ['kind', 'tenant', 'source', 'id', 'session', 'time', 'provider', 'model', 'counted', 'tokens'] },
  );
  const anyVoid = fc.record({
    ...head, kind: fc.constant('void' as const), target: fc.record({ source: name, id: name }),
    reason: fc.oneof(dimension, fc.constant('')),
  });

  it('carries every event through the log unchanged', () => {
    fc.assert(
      fc.property(anyUsage, (event) => {
        const judged = judgeText(encodeRecord(event));
        if (judged.kind !== 'accepted') throw new Error(judged.message);
        const { entry, tenant, session } = judged;
        const { dimensions, buckets } = entry.shape;
        expect({ tenant, session, time: entry.time, identity: entry.identity }).toEqual({
          tenant: event.tenant, session: event.session, time: event.time, identity: identify(event, hash),
        });
        expect(Object.fromEntries(buckets.map((bucket, i) => [BUCKETS[bucket], entry.tokens[i]]))).toEqual(event.tokens);
        const { provider, model, operation = '', tier = '', inferenceRegion = '', counted } = event;
        expect(dimensions).toEqual({ provider, model, operation, tier, inferenceRegion, counted });
      }),
    );
  });

  it('carries every void through the log unchanged', () => {
    fc.assert(
      fc.property(anyVoid, (event) => {
        const judged = judgeText(encodeRecord(event));
        if (judged.kind !== 'accepted') throw new Error(judged.message);
        expect(judged.entry).toMatchObject({ time: event.time, tokens: [], target: identify({ ...event, ...event.target }, hash) });
        expect(judged.entry.shape.reason).toBe(event.reason);
      }),
    );
  });
});

describe('a record is malformed', () => {
  it.each([
    ['when it is empty', ''],
    ['when it is not JSON', '{"rules":1'],
    ['when it is null', 'null'],
    ['when it is a list', '[]'],
    ['when it is a number', '1'],
    ['when it begins with a byte order mark', `\ufeff${encodeRecord(usage)}`],
    ['when it has no rules', '{}'],
    ['when its rules are text', '{"rules":"1"}'],
    ['when its rules are 0', '{"rules":0}'],
    ['when its rules are negative', '{"rules":-1}'],
    ['when its rules are a fraction', '{"rules":1.5}'],
    ['when its rules are hidden in a prototype', '{"__proto__":{"rules":1}}'],
  ])('%s', (_title, text) => {
    expect(judgeText(text)).toMatchObject({ kind: 'quarantined', code: 'malformed', rules: 0, tenant: '' });
  });

  it('when it is not UTF-8', () => {
    const value = Buffer.from(encodeRecord(usage));
    value[value.indexOf('gpt')] = 0xff;
    expect(judge.judge({ offset: 0, time: NOW, value })).toMatchObject({ kind: 'quarantined', code: 'malformed' });
  });
});

describe('a record of unknown rules', () => {
  it.each([2, 3, 1e300])('stops the fold: rule set %d', (rules) => {
    expect(thrown(() => judgeWith({ rules }))).toMatchObject({ code: 'unknown_rules', retryable: false });
    expect(thrown(() => judgeWith({ rules }))).toBeInstanceOf(AccountingError);
  });

  it('stops the fold even when nothing else of it is readable here', () => {
    expect(() => judgeText('{"rules":2}')).toThrow(AccountingError);
  });
});

describe('the time of a record', () => {
  const at = (age: number): Judgement => judgeText(encodeRecord(usage), NOW + age);

  it.each([
    [0, accepted],
    [EVENT_AGE_MAX_MS - 1, accepted],
    [EVENT_AGE_MAX_MS, accepted],
    [EVENT_AGE_MAX_MS + 1, { kind: 'quarantined', code: 'too_old', rules: 1, tenant: 'acme' }],
    [1 - EVENT_AHEAD_MAX_MS, accepted],
    [-EVENT_AHEAD_MAX_MS, accepted],
    [-EVENT_AHEAD_MAX_MS - 1, { kind: 'quarantined', code: 'too_far_ahead', rules: 1, tenant: 'acme' }],
  ])('may be %d ms before its append time only within the window, both ends inclusive', (age, expected) => {
    expect(at(age)).toMatchObject(expected);
  });

  it.each([null, undefined, '1772359200000', NOW + 0.5, -1, 2 ** 53, true, []])('must be an integer of milliseconds, not %p', (time) => {
    expect(judgeWith({ time })).toMatchObject(invalid);
  });

  it('is never clamped: the entry has the time it was given', () => {
    expect(at(EVENT_AGE_MAX_MS)).toMatchObject({ entry: { time: NOW } });
  });
});

describe('a token count', () => {
  it.each([
    [0, accepted],
    [1, accepted],
    [MAX - 1, accepted],
    [MAX, accepted],
    [2 ** 53, invalid],
    [2 ** 53 + 2, invalid],
    [1e300, invalid],
    [-1, invalid],
    [0.5, invalid],
    [1e-7, invalid],
    ['1', invalid],
    [null, invalid],
    [true, invalid],
    [[1], invalid],
    [{}, invalid],
  ])('may be an integer 0..2^53 − 1: %p', (input, expected) => {
    expect(judgeWith({ tokens: { input } })).toMatchObject(expected);
  });

  it.each(['NaN', 'Infinity', '-Infinity', '0x10', '01'])('is not JSON as %s', (text) => {
    expect(judgeText(encodeRecord(usage).replace('"input":3', `"input":${text}`))).toMatchObject({ code: 'malformed' });
  });

  it.each([
    ['9007199254740993', invalid],
    ['1e400', invalid],
    ['3.0', accepted],
    ['-0', accepted],
  ])('is judged by its value: %s', (text, expected) => {
    expect(judgeText(encodeRecord(usage).replace('"input":3', `"input":${text}`))).toMatchObject(expected);
  });
});

describe('the tokens of a record', () => {
  it.each([
    ['are missing', undefined],
    ['are null', null],
    ['are a number', 7],
    ['are text', 'input'],
    ['are a list', [1]],
    ['are empty', {}],
    ['have an unknown bucket', { input: 1, inputs: 1 }],
    ['have a bucket of another case', { Input: 1 }],
    ['have the name of a method', { input: 1, toString: 1 }],
  ])('are refused when they %s', (_title, tokens) => {
    expect(judgeWith({ tokens })).toMatchObject(invalid);
  });

  const prototypes = ['{"__proto__":{"input":1}}', '{"__proto__":1,"input":1}', '{"constructor":1,"input":1}'];
  it.each(prototypes)('do not get a bucket from %s', (tokens) => {
    expect(judgeText(encodeRecord(usage).replace('{"input":3,"output":5}', tokens))).toMatchObject(invalid);
    expect(({} as { input?: number }).input).toBeUndefined();
  });

  it.each(BUCKETS)('may be %s alone', (bucket) => {
    expect(judgeWith({ tokens: { [bucket]: 9 } })).toMatchObject({ kind: 'accepted', entry: { tokens: [9] } });
  });
});

/** Text of exactly so many UTF-8 bytes, of characters with one, two, three and four bytes. */
const texts = (bytes: number): string[] => [
  'x'.repeat(bytes),
  'ü'.repeat(Math.floor(bytes / 2)) + 'x'.repeat(bytes % 2),
  '字'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3),
  '😀'.repeat(Math.floor(bytes / 4)) + 'x'.repeat(bytes % 4),
];

const bad: [string, unknown][] = [
  ['missing', undefined],
  ['null', null],
  ['a number', 1],
  ['a list', ['x']],
  ['an object', {}],
  ['text with a lone high surrogate', 'a\ud800'],
  ['text with a lone low surrogate', '\udc00a'],
  ['text with surrogates the wrong way round', '\udc00\ud800'],
  ['text with U+0000', 'a\u0000b'],
  ['text with a line feed', 'a\nb'],
  ['text with U+001F', 'a\u001f'],
  ['text with U+007F', 'a\u007f'],
  ['text with U+0080', 'a\u0080'],
  ['text with U+009F behind other characters', 'ü字😀\u009f'],
];

describe.each(['source', 'id', 'session'])('the %s of a record', (field) => {
  it.each(texts(256))('may have 256 bytes', (text) => expect(judgeWith({ [field]: text })).toMatchObject(accepted));
  it.each(texts(257))('may not have 257 bytes', (text) => expect(judgeWith({ [field]: text })).toMatchObject(invalid));
  it.each([...bad, ['empty', '']])('may not be %s', (_title, value) => expect(judgeWith({ [field]: value })).toMatchObject(invalid));
  it.each(['~', ' ', '\u00a0', '\ufeffx', 'é', 'a/b#c'])('may be "%s"', (text) => {
    expect(judgeWith({ [field]: text })).toMatchObject(accepted);
  });
});

describe.each(['provider', 'model', 'operation', 'tier', 'inferenceRegion'])('the %s of a record', (field) => {
  const isOptional = field !== 'provider' && field !== 'model';
  it.each(texts(128))('may have 128 bytes', (text) => expect(judgeWith({ [field]: text })).toMatchObject(accepted));
  it.each(texts(129))('may not have 129 bytes', (text) => expect(judgeWith({ [field]: text })).toMatchObject(invalid));
  it.each(bad.slice(1))('may not be %s', (_title, value) => expect(judgeWith({ [field]: value })).toMatchObject(invalid));
  it(isOptional ? 'may be absent or empty' : 'may not be absent or empty', () => {
    for (const value of [undefined, '']) expect(judgeWith({ [field]: value })).toMatchObject(isOptional ? accepted : invalid);
  });
});

describe('the tenant of a record', () => {
  it.each(['a', 'A-b_9', 'x'.repeat(64)])('may be "%s"', (tenant) => {
    expect(judgeWith({ tenant })).toMatchObject({ kind: 'accepted', tenant });
  });
  it.each([undefined, null, 1, '', 'x'.repeat(65), 'a b', 'ü', 'a#b', 'a\n', '../a'])('may not be %p', (tenant) => {
    expect(judgeWith({ tenant })).toMatchObject({ ...invalid, tenant: '' });
  });
});

describe('how a record was counted', () => {
  it.each(['reported', 'estimated'])('may be "%s"', (counted) => expect(judgeWith({ counted })).toMatchObject(accepted));
  it.each([undefined, null, '', 'guessed', 1])('may not be %p', (counted) => expect(judgeWith({ counted })).toMatchObject(invalid));
});

describe('a void', () => {
  it.each(texts(256))('may have a reason of 256 bytes', (reason) => expect(judgeWith({ reason }, voided)).toMatchObject(accepted));
  it.each(texts(257))('may not have a reason of 257 bytes', (reason) => expect(judgeWith({ reason }, voided)).toMatchObject(invalid));
  it.each(bad)('may not have a reason that is %s', (_title, reason) => expect(judgeWith({ reason }, voided)).toMatchObject(invalid));
  it('may have an empty reason', () => expect(judgeWith({ reason: '' }, voided)).toMatchObject(accepted));

  it.each([null, 1, 'chat', [], {}, { source: 'chat' }, { id: 'x' }, { source: '', id: 'x' }, { source: 'chat', id: 'x'.repeat(257) }])(
    'may not name the target %p',
    (target) => expect(judgeWith({ void: target }, voided)).toMatchObject(invalid),
  );

  it('names a target in its own session and tenant only', () => {
    expect(judgeWith({ void: { source: 'chat', id: 'evt-1', session: 'other', tenant: 'other' } }, voided)).toEqual(judgeWith({}, voided));
  });

  it('carries no tokens, whatever else the record says', () => {
    expect(judgeWith({ tokens: { input: 5 } }, voided)).toMatchObject({ kind: 'accepted', entry: { tokens: [] } });
  });
});

describe('the judgement', () => {
  const fragment = fc.oneof(fc.json(), fc.constantFrom('null', '1', '"x"', '{"input":1}', '1772359200000', '"reported"'));
  const named = ['tenant', 'source', 'id', 'session', 'time', 'provider', 'model', 'operation', 'counted', 'tokens', 'void', 'reason'];
  const fields = [...named, '__proto__'];

  it('is an answer for anything that is in a log, never an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...fields), fragment), { maxLength: 4 }), (changes) => {
        // Of two fields of the same name the later one counts.
        const more = changes.map(([key, value]) => `,${JSON.stringify(key)}:${value}`).join('');
        expect(['accepted', 'quarantined']).toContain(judgeText(`${encodeRecord(usage).slice(0, -1)}${more}}`).kind);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map((json) => Buffer.from(json))), (value) => {
        expect(judge.judge({ offset: 0, time: NOW, value }).kind).toBe('quarantined');
      }),
    );
  });

  it('is the same for the same record, whatever was judged before', () => {
    const fresh = new Judge(hash, new Shapes(hash));
    for (const event of [usage, voided]) {
      const record = { offset: 1, time: NOW, value: Buffer.from(encodeRecord(event)) };
      expect(fresh.judge(record)).toEqual(judge.judge(record));
    }
  });
});

describe('isText', () => {
  it('agrees with a plain definition', () => {
    const control = (character: string): boolean => {
      const point = character.codePointAt(0)!;
      return point < 0x20 || (point >= 0x7f && point <= 0x9f);
    };
    const half = fc.constantFrom('\ud800', '\udfff', '\u0000', '\u007f', '\u009f', '\u00a0', 'a', 'ü', '😀');
    fc.assert(
      fc.property(fc.array(fc.oneof(half, fc.string({ unit: 'binary', maxLength: 3 }))), fc.nat({ max: 30 }), (parts, bytesMax) => {
        const text = parts.join('');
        const isGood = text.isWellFormed() && !Array.from(text).some(control) && Buffer.byteLength(text) <= bytesMax;
        expect(isText(text, bytesMax)).toBe(isGood);
      }),
    );
  });
});
