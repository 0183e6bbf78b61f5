import { FOLDED, grown, parseByLog } from './metrics';

const PAGE = `# HELP ${FOLDED} records folded
# TYPE ${FOLDED} counter
${FOLDED}{region="eu-west-1",log="eu-west-1.0.3",otel_scope_name="meridian"} 17 1764
${FOLDED}{log="eu-west-1.0.4"} 2
${FOLDED}_created{log="eu-west-1.0.5"} 9
meridian_fold_stopped{log="eu-west-1.0.3"} 1
`;

describe("an aggregator's metrics", () => {
  it('are read by log, of one name only', () => {
    expect([...parseByLog(PAGE, FOLDED)]).toEqual([['eu-west-1.0.3', 17], ['eu-west-1.0.4', 2]]);
    expect([...parseByLog('', FOLDED)]).toEqual([]);
  });

  it('say which logs were folded in between', () => {
    const before = new Map([['a', 1], ['b', 2]]);
    expect(grown(before, new Map([['a', 1], ['b', 3], ['c', 1]]))).toEqual(['b', 'c']);
    expect(grown(before, before)).toEqual([]);
  });
});
