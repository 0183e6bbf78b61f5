import type { Clock } from '@meridian/accounting';
import { accepting, eventOf, FakeIngest, type Answering } from './ingest.fixture';
import { Sender } from './sender';

let ingest: FakeIngest;
let slept: number[];

beforeEach(async () => {
  ingest = await FakeIngest.start();
  slept = [];
});
afterEach(() => ingest.stop());

const clock: Clock = {
  now: () => 0,
  sleep: (ms) => {
    slept.push(ms);
    return Promise.resolve();
  },
};

/** Refuses as often as there are headers, then accepts. */
function refusing(...headers: readonly Readonly<Record<string, string>>[]): Answering {
  const left = [...headers];
  return (asked) => {
    const next = left.shift();
    return next ? { status: 503, body: { code: 'overloaded' }, headers: next } : accepting(asked);
  };
}

describe('a sender that is refused everywhere', () => {
  it.each<[string, readonly Readonly<Record<string, string>>[], readonly number[]]>([
    ['waits twice as long each time', [{}, {}, {}], [100, 200, 400]],
    ['waits as long as it is asked to', [{ 'retry-after': '7' }, {}], [7_000, 200]],
    ['never waits less than it would by itself, whatever it is asked', [{ 'retry-after': '0' }, { 'retry-after': '-5' }, { 'retry-after': 'Fri, 27 Nov 2026 06:00:00 GMT' }], [100, 200, 400]],
    ['never waits for more than a minute', [{ 'retry-after': '86400' }], [60_000]],
  ])('%s', async (_, headers, waits) => {
    ingest.answering = refusing(...headers);
    const sender = new Sender({ endpoints: [ingest.url], key: 'k', tenant: undefined, clock, random: { next: () => 1 }, timeoutMs: 5_000, onTrouble: () => undefined });
    expect(await sender.send([JSON.stringify(eventOf('a'))], new AbortController().signal)).toEqual([]);
    expect(slept).toEqual(waits);
    expect(ingest.accepted).toEqual(['a']);
  });
});
