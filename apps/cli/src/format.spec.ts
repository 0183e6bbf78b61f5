import { count, facts, instant, table } from './format';

describe('what a person reads', () => {
  it('has thousands separators in every number, however large or negative', () => {
    expect([0, 999, 1_000, 90_695_412n, '18014398509481981', -12_345, 'n/a'].map(count)).toEqual([
      '0', '999', '1,000', '90,695,412', '18,014,398,509,481,981', '-12,345', 'n/a',
    ]);
  });

  it('has aligned tables without colour or trailing spaces when piped', () => {
    const text = table([{ title: 'region' }, { title: 'entries', align: 'right' }, { title: 'note' }], [['us-east-1', '1,234', ''], ['eu', '5', 'late']]);
    expect(text).toBe(['region     entries  note', 'us-east-1    1,234', 'eu               5  late'].join('\n'));
  });

  it('has names and values in two columns, and times to the second', () => {
    expect(facts([['a', '1'], ['longer', '2']])).toBe('a       1\nlonger  2');
    expect([instant(1_700_000_000_999), instant(0)]).toEqual(['2023-11-14T22:13:20Z', '–']);
  });
});
