import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { BUCKETS } from './bucket';
import type { Hash } from './environment';
import { CURRENT_RULES, DIMENSION_BYTES_MAX, NAME_BYTES_MAX, type UsageEvent } from './event';
import { Layout } from './layout';
import { encodeRecord, Judge, type JudgedRecord, type Judgement } from './record';
import { Shapes } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const NOW = Date.parse('2026-03-01T10:00:00Z');
const usage: UsageEvent = {
  kind: 'usage', tenant: 'acme', source: 'chat', id: 'evt-1', session: 'session-1', time: NOW, provider: 'openai', model: 'gpt-4o-mini',
  counted: 'reported', tokens: { input: 3, output: 5 },
};

/** Has the layout remember what records had before, as a folder's does: that must not show. */
const judge = new Judge(hash, new Shapes(hash));
const layout = new Layout();

function outcome(act: () => Judgement): unknown {
  try {
    return act();
  } catch (error) {
    return String(error);
  }
}

/** Whether the record was of the layout; throws unless its judgement is the same as that of the JSON. */
function compare(value: Uint8Array, time = NOW): boolean {
  const record: JudgedRecord = { offset: 42, time, value };
  expect(outcome(() => judge.judge(record))).toEqual(outcome(() => judge.judgeJson(record)));
  return layout.read(value);
}

const compareText = (text: string): boolean => compare(Buffer.from(text, 'utf8'));

const ascii = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength });
/** Few, so that records often have what the one before had. */
const ofFew = (maxLength: number): fc.Arbitrary<string> => fc.oneof({ weight: 15, arbitrary: fc.constantFrom('a', 'b', 'ab', 'a b~!') }, ascii(maxLength));
const name = fc.oneof({ weight: 15, arbitrary: ofFew(20) }, fc.constantFrom(9, 10, 11, 99, 100, 101, 109, 200, NAME_BYTES_MAX - 1, NAME_BYTES_MAX, NAME_BYTES_MAX + 1).map((length) => 'n'.repeat(length)));
const dimension = fc.oneof(
  { weight: 30, arbitrary: ofFew(20) },
  fc.integer({ min: DIMENSION_BYTES_MAX - 1, max: DIMENSION_BYTES_MAX + 1 }).map((length) => 'd'.repeat(length)),
  fc.constantFrom('', 'é', '\u0000', '😀'),
);
const count = fc.oneof({ weight: 15, arbitrary: fc.nat({ max: 20_000 }) }, fc.maxSafeNat(), fc.constantFrom(0, 1, 10, 999_999_999_999_999, 1e15, Number.MAX_SAFE_INTEGER, 2 ** 53));
const anyUsage: fc.Arbitrary<UsageEvent> = fc.record(
  {
    kind: fc.constant('usage' as const), tenant: fc.oneof({ weight: 15, arbitrary: fc.constantFrom('a', 'b') }, fc.stringMatching(/^[A-Za-z0-9_-]{60,66}$/)),
    source: name, id: name, session: name, time: fc.oneof({ weight: 15, arbitrary: fc.integer({ min: NOW - 1e6, max: NOW }) }, count),
    provider: dimension, model: dimension, counted: fc.constantFrom('reported', 'estimated'),
    tokens: fc.dictionary(fc.constantFrom(...BUCKETS), count, { noNullPrototype: true }),
    operation: dimension, tier: dimension, inferenceRegion: dimension, requestId: name,
  },
  { requiredKeys: ['kind', 'tenant', 'source', 'id', 'session', 'time', 'provider', 'model', 'counted', 'tokens'] },
);

/** Of the kinds of bytes that records are made of. */
const damage = fc.constantFrom(...Array.from('{}[]:,"\\ 0123456789-+.eE\n\u0000\u007faz'), 'é', '"a":1,', 'null', 'true', '01', '-0', '"tier":"', ',"input":1', '\uFEFF').map((text) => Buffer.from(text));
type Mutation = readonly ['replace' | 'insert' | 'delete' | 'truncate' | 'repeat', number, Buffer, number];
const mutation: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom('replace', 'insert', 'delete', 'truncate', 'repeat'), fc.nat({ max: 10_000 }), damage, fc.integer({ min: 1, max: 30 }),
);

function mutate(bytes: Buffer, [kind, where, given, length]: Mutation): Buffer {
  const at = where % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (kind) {
    case 'replace': return Buffer.concat([before, given, after.subarray(given.length)]);
    case 'insert': return Buffer.concat([before, given, after]);
    case 'delete': return Buffer.concat([before, after.subarray(length)]);
    case 'truncate': return before;
    case 'repeat': return Buffer.concat([before, after.subarray(0, length), after]);
  }
}

/** Takes a member of the record out, repeats it, moves it or gives it another value, and leaves it JSON. */
const member = fc.constantFrom('rules', 'tenant', 'source', 'id', 'session', 'time', 'provider', 'model', 'counted', 'tokens', 'requestId', 'void', 'operation');
const literal = fc.constantFrom(
  '1', '2', '0', '01', '-1', '-0', '1.0', '1e3', '1E3', '123456789012345', '1234567890123456', '12345678901234567', '9007199254740991', '9007199254740992',
  '""', '"a"', '"a\\u0062"', '"a\\nb"', '"é"', 'null', 'true', '[]', '{}', '{"input":1}', '{"input":1,"input":2}', '{"output":1,"input":2}', '{"input":01}', '{"input":-0}',
  '{"input":1,}', '{"none":1}', '{"input":1.0}', '{"input":1e3}', '{"input":9007199254740993}', '{"input": 1}', '{"input":"1"}', '{"input":1,"none":1}', '"reported"', '"guessed"',
);

function withMember(event: UsageEvent, [of, value, where]: readonly [string, string, number]): string {
  const members = Object.entries(JSON.parse(encodeRecord(event)) as Record<string, unknown>).map(([key, own]) => `"${key}":${JSON.stringify(own)}`);
  const known = members.findIndex((text) => text.startsWith(`"${of}":`));
  const changed = `"${of}":${value}`;
  if (where % 3 === 0 && known >= 0) members[known] = changed;
  else members.splice(where % (members.length + 1), 0, changed);
  return `{${members.join(',')}}`;
}

describe('the layout of a record', () => {
  it('is that of a usage event in plain ASCII, and says what the JSON says', () => {
    expect(compareText(encodeRecord(usage))).toBe(true);
    expect(compareText(encodeRecord({ ...usage, requestId: 'req-1', operation: 'chat', tier: 'batch', inferenceRegion: 'eu' }))).toBe(true);
    expect(compareText(encodeRecord({ ...usage, counted: 'estimated', tokens: Object.fromEntries(BUCKETS.map((bucket, i) => [bucket, 10 ** i])) }))).toBe(true);
    expect(layout).toMatchObject({ tenant: 'acme', session: 'session-1', time: NOW, bucketMask: 0b1_1111_1111 });
  });

  it.each<[string, string]>([
    ['attributes', encodeRecord({ ...usage, attributes: { team: 'search' } })],
    ['text beyond ASCII', encodeRecord({ ...usage, session: 'é' })],
    ['an escape', encodeRecord({ ...usage, session: 'a"b' })],
    ['a void', encodeRecord({ kind: 'void', tenant: 'acme', source: 'chat', id: 'v', session: 's', time: NOW, target: { source: 'chat', id: 'e' }, reason: '' })],
    ['white space', ` ${encodeRecord(usage)}`],
    ['another rule set', encodeRecord(usage).replace(`"rules":${CURRENT_RULES}`, '"rules":2')],
    ['no buckets', encodeRecord({ ...usage, tokens: {} })],
    ['a count of 16 digits', encodeRecord({ ...usage, tokens: { input: 1e15 } })],
    ['nothing at all', ''],
  ])('is not that of a record with %s, which is judged as JSON', (_what, text) => {
    expect(compareText(text)).toBe(false);
  });

  it.each<[string, number, Partial<UsageEvent>]>([
    ['tenant', 64, { tenant: 't'.repeat(64) }],
    ['source', NAME_BYTES_MAX, { source: 's'.repeat(NAME_BYTES_MAX) }],
    ['id', NAME_BYTES_MAX, { id: 'i'.repeat(NAME_BYTES_MAX) }],
    ['session', NAME_BYTES_MAX, { session: 's'.repeat(NAME_BYTES_MAX) }],
    ['provider', DIMENSION_BYTES_MAX, { provider: 'p'.repeat(DIMENSION_BYTES_MAX) }],
    ['model', DIMENSION_BYTES_MAX, { model: 'm'.repeat(DIMENSION_BYTES_MAX) }],
    ['operation', DIMENSION_BYTES_MAX, { operation: 'o'.repeat(DIMENSION_BYTES_MAX) }],
    ['tier', DIMENSION_BYTES_MAX, { tier: 't'.repeat(DIMENSION_BYTES_MAX) }],
    ['inferenceRegion', DIMENSION_BYTES_MAX, { inferenceRegion: 'r'.repeat(DIMENSION_BYTES_MAX) }],
  ])('has a %s of at most %i bytes', (field, bytesMax, longest) => {
    const record = encodeRecord({ ...usage, ...longest });
    expect(compareText(record)).toBe(true);
    expect(compareText(record.replace(/(.)\1{63,}/, '$&$1'))).toBe(false);
    expect(encodeRecord({ ...usage, [field]: 'x'.repeat(bytesMax + 1) })).toHaveLength(record.replace(/(.)\1{63,}/, '$&$1').length);
  });

  it('says what the JSON says of every event', () => {
    let read = 0;
    fc.assert(fc.property(fc.array(anyUsage, { minLength: 1, maxLength: 4 }), (events) => {
      for (const event of events) if (compareText(encodeRecord(event))) read++;
    }), { numRuns: 2_000 });
    expect(read).toBeGreaterThan(1_000);
  });

  it('says what the JSON says of a damaged record, and of a whole one before and after it', () => {
    let read = 0;
    fc.assert(fc.property(anyUsage, fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.integer({ min: -1e7, max: 4e9 }), (event, mutations, later) => {
      const whole = Buffer.from(encodeRecord(event), 'utf8');
      compare(whole, NOW + later);
      if (compare(mutations.reduce(mutate, whole))) read++;
      compare(whole);
    }), { numRuns: 5_000 });
    expect(read).toBeGreaterThan(50);
  });

  it('says what the JSON says of a record whose members are others, twice there, or in another order', () => {
    fc.assert(fc.property(anyUsage, fc.tuple(member, literal, fc.nat({ max: 30 })), (event, change) => {
      compareText(encodeRecord(event));
      compareText(withMember(event, change));
    }), { numRuns: 5_000 });
  });

  it('says what the JSON says of a record with any one byte changed, inserted or taken away', () => {
    const whole = Buffer.from(encodeRecord({ ...usage, tier: 'a', requestId: 'r' }), 'utf8');
    for (let at = 0; at <= whole.length; at++) {
      for (const byte of [...Buffer.from('"\\{},:019-.eA é\u0000\u001f\u007f')]) {
        compare(mutate(whole, ['insert', at, Buffer.from([byte]), 1]));
        compare(mutate(whole, ['replace', at, Buffer.from([byte]), 1]));
      }
      compare(mutate(whole, ['delete', at, whole, 1]));
      compare(mutate(whole, ['truncate', at, whole, 1]));
    }
  });
});
