import { parseInstant, parseInteger, parseProbability, parseRegions, parseRegionUrls, parseTenant, parseUrl } from './options';

describe('options', () => {
  it('are read as they are meant', () => {
    expect(parseRegions('us-east-1, eu-west-1')).toEqual(['us-east-1', 'eu-west-1']);
    expect([...parseRegionUrls('a=http://127.0.0.1:1/,b=https://b.example')]).toEqual([['a', 'http://127.0.0.1:1'], ['b', 'https://b.example']]);
    expect([parseProbability('0'), parseProbability('0.25'), parseProbability('1')]).toEqual([0, 0.25, 1]);
    expect(parseInteger(0, 10)('7')).toBe(7);
    expect(parseInstant('2026-03-01')).toBe('2026-03-01T00:00:00.000Z');
    expect(parseInstant('2026-03-01T12:30:00+02:00')).toBe('2026-03-01T10:30:00.000Z');
  });

  it.each([
    ['a region with a dot', () => parseRegions('us.east')],
    ['a region twice', () => parseRegions('a,a')],
    ['an empty region', () => parseRegions('a,,b')],
    ['seventeen regions', () => parseRegions(Array.from({ length: 17 }, (_, at) => `r${at}`).join(','))],
    ['a region without url', () => parseRegionUrls('a')],
    ['a region with two urls', () => parseRegionUrls('a=http://x,a=http://y')],
    ['a url of another kind', () => parseUrl('ftp://x')],
    ['a probability above one', () => parseProbability('1.1')],
    ['a probability below zero', () => parseProbability('-0.1')],
    ['a probability that is no number', () => parseProbability('often')],
    ['an empty probability', () => parseProbability('')],
    ['an integer out of range', () => parseInteger(1, 3)('4')],
    ['a fraction for an integer', () => parseInteger(1, 3)('1.5')],
    ['a tenant with a slash', () => parseTenant('a/b')],
    ['a date in words', () => parseInstant('yesterday')],
    ['a month that is none', () => parseInstant('2026-13-01')],
    ['a time without zone', () => parseInstant('2026-03-01T12:00:00')],
  ])('refuse %s', (_, parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'commander.invalidArgument' }) as Error);
  });
});
