import fc from 'fast-check';
import { HttpError } from './errors';
import { parseJson } from './json-body';

function refusal(text: string | Buffer): HttpError {
  try {
    parseJson(Buffer.from(text as string));
  } catch (error) {
    return error as HttpError;
  }
  throw new HttpError('internal', 'was taken');
}

function nested(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

describe('parseJson', () => {
  it('gives what JSON.parse gives, for any value without forbidden names', () => {
    const sound = fc.json({ maxDepth: 6 }).filter((text) => !/__proto__|constructor/.test(text));
    fc.assert(fc.property(sound, (text) => {
      expect(parseJson(Buffer.from(text)).value).toEqual(JSON.parse(text));
    }));
  });

  it('is not misled by quotes, colons, braces and escapes within strings', () => {
    const value = { 'a"b\\': ':{}[]"\\', '\u2028é😀': ['\\"', '\\\\', '{"x":1,"x":2}'] };
    expect(parseJson(Buffer.from(JSON.stringify(value, null, 2))).value).toEqual(value);
  });

  it.each([
    ['{"a":1,"a":2}', 'member_duplicate', '/a'],
    ['[{"x":{"k":1,"\\u006b":2}}]', 'member_duplicate', '/0/x/k'],
    ['{"a/b":{"~":1,"~":1}}', 'member_duplicate', '/a~1b/~0'],
    ['{"__proto__":{}}', 'member_forbidden', '/__proto__'],
    ['[1,{"\\u005f_proto__":1}]', 'member_forbidden', '/1/__proto__'],
    ['{"data":{"constructor":{"prototype":1}}}', 'member_forbidden', '/data/constructor'],
    [nested(17), 'nesting_too_deep', '/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0'],
    [`{"a":${nested(16)}}`, 'nesting_too_deep', '/a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0'],
  ])('refuses %s as %s at %s', (text, code, pointer) => {
    const { code: actual, options } = refusal(text);
    expect([actual, options.pointer]).toEqual([code, pointer]);
  });

  it('takes nesting up to the bound', () => {
    expect(parseJson(Buffer.from(nested(16))).rounded).toEqual([]);
  });

  it.each([
    ['', 'body_missing', /empty/],
    ['{', 'body_malformed', /name in double quotes must stand here, not the end of the text \(line 1, column 2\)/],
    ['{"a":NaN}', 'body_malformed', /not "NaN" \(line 1, column 6\)/],
    ['{"a":1,\n "b":Infinity}', 'body_malformed', /not "Infinity" \(line 2, column 6\)/],
    ['[1,]', 'body_malformed', /a value must start here, not "]"/],
    ['{"a":1,}', 'body_malformed', /name in double quotes/],
    ["{'a':1}", 'body_malformed', /not "'"/],
    ['{"a" 1}', 'body_malformed', /":" must stand here/],
    ['[1 2]', 'body_malformed', /"," must stand here/],
    ['[01]', 'body_malformed', /"," must stand here, not "1"/],
    ['[1] []', 'body_malformed', /more after the end/],
    ['"a\nb"', 'body_malformed', /control character/],
    ['"\\x"', 'body_malformed', /unknown escape/],
    ['{"a":"', 'body_malformed', /does not end/],
    ['\ufeff{}', 'body_malformed', /must start here/],
    ['[tru]', 'body_malformed', /not "tru"/],
  ])('says of %p where it stops being JSON', (text, code, message) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(refusal(Buffer.from([0x22, 0xff, 0x22])).message).toMatch(/not UTF-8/);
    // A surrogate half, encoded as if it were a character.
    expect(refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])).message).toMatch(/not UTF-8/);
  });

  it('survives deep and hostile texts without overflowing the stack', () => {
    expect(refusal('['.repeat(1_000_000)).code).toBe('nesting_too_deep');
    expect(refusal('{"a":'.repeat(500_000)).code).toBe('nesting_too_deep');
    expect(refusal(`[${'1.0000000000000000001,'.repeat(1_001)}1]`).message).toMatch(/rounded to integers/);
  });

  it('takes numbers of a million digits in its stride', () => {
    const zeros = '0'.repeat(1_000_000);
    expect(parseJson(Buffer.from(`[1.${zeros}1,1.${zeros},0.${zeros}1,${zeros.replace('0', '1')}e-1000000]`)).rounded).toEqual(['/0', '/2']);
  });

  it('names numbers that only rounding makes integers, and no others', () => {
    const text = '{"é":[1.0,1e3,0.5,1.00000000000000000001],"b":9007199254740991.4,"c":1e-400,"d":-0.0,"e":1.5e1,"f":"1.00000000000000000001","g":100e-2,"h":123e-2,"i":0.1e-400,"j":5}';
    expect(parseJson(Buffer.from(text)).rounded).toEqual(['/é/3', '/b', '/c', '/i']);
  });
});
