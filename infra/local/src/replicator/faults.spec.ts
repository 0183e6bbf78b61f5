import { dueMs, isCut, NO_FAULTS, parseFaults, REORDER_MS } from './faults';

const REGIONS = ['us', 'eu'];

describe('faults', () => {
  it('are none unless they are ordered', () => {
    expect(parseFaults('{}', REGIONS)).toEqual(NO_FAULTS);
    expect(isCut(NO_FAULTS, 'us', 'eu')).toBe(false);
    expect(dueMs(NO_FAULTS, 5, 0.9)).toBe(5);
  });

  it('cut one direction of a pair, or all of a region', () => {
    const pair = parseFaults('{"cut":[["us","eu"]]}', REGIONS);
    expect([isCut(pair, 'us', 'eu'), isCut(pair, 'eu', 'us')]).toEqual([true, false]);
    const region = parseFaults('{"cut":[["*","eu"],["eu","*"]]}', REGIONS);
    expect([isCut(region, 'us', 'eu'), isCut(region, 'eu', 'us'), isCut(region, 'us', 'ap')]).toEqual([true, true, false]);
  });

  it('delay every change, and mix up their order within a bound', () => {
    const faults = parseFaults('{"delayMs":100,"reorder":true}', REGIONS);
    expect([dueMs(faults, 5, 0), dueMs(faults, 5, 1)]).toEqual([105, 105 + REORDER_MS]);
  });

  it.each([
    ['nonsense', 'JSON object'],
    ['[]', 'JSON object'],
    ['{"delay":1}', 'delay is unknown'],
    ['{"delayMs":1.5}', 'delayMs'],
    ['{"delayMs":"1"}', 'delayMs'],
    ['{"reorder":1}', 'reorder'],
    ['{"cut":{}}', 'cut'],
    ['{"cut":[["us","eu"],["us"]]}', 'cut[1]'],
    ['{"cut":[["us","mars"]]}', 'cut[0]'],
  ])('refuse %s, naming what is wrong', (body, named) => {
    expect(() => parseFaults(body, REGIONS)).toThrow(named);
  });
});
