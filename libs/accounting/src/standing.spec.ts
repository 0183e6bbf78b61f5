import { EMPTY_CUT, type Cut, type Lagging } from './cut';
import type { LogId } from './log-id';
import { claim, type Wait } from './standing';

const cut: Cut = { ...EMPTY_CUT, k: 7, asOf: 1_000 };
const log = 'eu.0.0' as LogId;
const wait: Wait = { region: 'us', missing: 3, oldest: 900 };

describe('claim', () => {
  it('is final when the cut lists nothing and nothing is waited for', () => {
    expect(claim(cut, [], 0)).toEqual({ status: 'final', cut: 7, asOf: 1_000, reasons: [] });
  });

  it.each<Lagging>([
    { code: 'not_folded', log, behind: 12 },
    { code: 'not_folded', log, behind: -1 },
    { code: 'region_unreachable', region: 'us', since: 0 },
  ])('is provisional when the cut lists %p, and says so', (lagging) => {
    expect(claim({ ...cut, lagging: [lagging] }, [], 0)).toEqual({ status: 'provisional', cut: 7, asOf: 1_000, reasons: [lagging] });
  });

  it('is provisional while a newer cut is waited for, and says of whom and how much', () => {
    expect(claim(cut, [wait], 0)).toMatchObject({ status: 'provisional', reasons: [{ code: 'replication_lag', ...wait }] });
  });

  it('is provisional before any cut, however quiet it is', () => {
    expect(claim(EMPTY_CUT, [], 0)).toEqual({ status: 'provisional', cut: 0, asOf: 0, reasons: [{ code: 'no_cut' }] });
  });

  it('shows conflicts without being any less final for them', () => {
    expect(claim(cut, [], 2)).toMatchObject({ status: 'final', reasons: [{ code: 'conflict', conflicts: 2 }] });
    expect(claim(cut, [wait], 2)).toMatchObject({ status: 'provisional', reasons: [{ code: 'replication_lag' }, { code: 'conflict' }] });
  });

  it('gives every reason there is', () => {
    const lagging: Lagging[] = [{ code: 'region_unreachable', region: 'ap', since: 5 }, { code: 'not_folded', log, behind: 1 }];
    expect(claim({ ...cut, lagging }, [wait, { ...wait, region: 'ap' }], 1).reasons.map(({ code }) => code)).toEqual([
      'region_unreachable', 'not_folded', 'replication_lag', 'replication_lag', 'conflict',
    ]);
  });
});
