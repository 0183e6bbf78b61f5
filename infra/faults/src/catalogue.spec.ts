import { allFaults, only, round } from './catalogue';
import { Random } from './random';

const faults = allFaults();
const names = (seed: number): string[] => round(faults, new Random(seed)).map(({ name }) => name);

describe('a round', () => {
  it('has every fault once, what leaves clocks wrong at the end', () => {
    expect(names(1).toSorted()).toEqual(faults.map(({ name }) => name).toSorted());
    expect(names(1).at(-1)).toBe('clock-skew');
  });

  it('is the same with the same seed, and another with another', () => {
    expect(names(1)).toEqual(names(1));
    expect(names(1)).not.toEqual(names(2));
  });
});

describe('a choice of faults', () => {
  it('is all without a name, and refuses a name that there is not', () => {
    expect(only(faults, [])).toEqual(faults);
    expect(only(faults, ['takeover']).map(({ name }) => name)).toEqual(['takeover']);
    expect(() => only(faults, ['take-over'])).toThrow('there is no fault take-over');
  });
});
