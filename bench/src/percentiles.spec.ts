import { percentiles } from './percentiles';

describe('percentiles', () => {
  it('are of all values, in whatever order they came', () => {
    expect(percentiles([30, 10, 20])).toEqual({ p50Ms: 20, p99Ms: 30 });
  });

  it('count what never came: two thirds unfinished is no median of the other third', () => {
    expect(percentiles([5, Infinity, Infinity], 30_000)).toEqual({ p50Ms: '> 30000', p99Ms: '> 30000' });
    expect(percentiles([5, 6, Infinity], 30_000)).toEqual({ p50Ms: 6, p99Ms: '> 30000' });
  });

  it('are null of nothing', () => {
    expect(percentiles([])).toEqual({ p50Ms: null, p99Ms: null });
  });
});
