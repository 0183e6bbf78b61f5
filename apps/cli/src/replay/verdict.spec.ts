import type { Conversation } from './conversation';
import { differences } from './verdict';
import type { RegionView, SessionView } from './view';

const session = (events: number, input: bigint): SessionView => ({ events, input, cacheRead: 0n, output: 1n, conflicts: 0, streams: 1 });
const conversation: Conversation = {
  rows: 3, firstOffsetMs: 0, lastOffsetMs: 9, tokens: { input: 30n, cacheRead: 0n, output: 2n },
  sessions: new Map([['a', { events: 2, input: 20n, cacheRead: 0n, output: 1n }], ['b', { events: 1, input: 10n, cacheRead: 0n, output: 1n }]]),
};
const exact: RegionView = {
  region: 'north', claim: { status: 'final', cut: 1, asOf: null, reasons: [] }, events: 3, duplicates: 5, tokens: { input: 30n, cacheRead: 0n, output: 2n },
  otherTokens: 0n, byRegion: new Map(), sessions: new Map([['a', session(2, 20n)], ['b', session(1, 10n)]]),
};

describe('the verdict', () => {
  it('is exact when usage and every session are what the file says, whatever the duplicates', () => {
    expect(differences(conversation, exact)).toEqual([]);
  });

  it.each<[string, Partial<RegionView>, RegExp]>([
    ['one token too many', { tokens: { input: 31n, cacheRead: 0n, output: 2n } }, /north: usage of input is 31 where the file has 30/],
    ['an event too few', { events: 2 }, /number of events counted is 2 where the file has 3/],
    ['tokens of another kind', { otherTokens: 1n }, /usage of other buckets is 1/],
    ['a session that is missing', { sessions: new Map([['a', session(2, 20n)]]) }, /number of sessions is 1 where the file has 2/],
    ['a session that the file does not have', { sessions: new Map([...exact.sessions, ['c', session(0, 0n)]]) }, /number of sessions is 3/],
    ['tokens in the wrong session', { sessions: new Map([['a', session(2, 21n)], ['b', session(1, 9n)]]) }, /2 sessions differ .* first is a/],
    ['an event in the wrong session', { sessions: new Map([['a', session(1, 20n)], ['b', session(2, 10n)]]) }, /2 sessions differ/],
  ])('names %s', (_, change, message) => {
    expect(differences(conversation, { ...exact, ...change }).join('\n')).toMatch(message);
  });
});
