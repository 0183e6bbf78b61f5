import { inputOf, timesCounted } from './event';
import { judge, nothing, Values, type Answer } from './judge';
import type { Sent } from './journal';

const T = 1_000_000;

/** Three events: acknowledged long before T, after T, and never. */
const events: readonly Sent[] = [
  { session: 's', index: 0, output: 7, ackedAt: T - 10_000 },
  { session: 's', index: 1, output: 20, ackedAt: T + 10_000 },
  { session: 's', index: 2, output: 300 },
];

/** An answer that counts each event so often. */
function answer(times: readonly number[], changes: Partial<Answer> = {}): Answer {
  const sum = (of: (event: Sent) => bigint): bigint => events.reduce((total, event, at) => total + of(event) * BigInt(times[at] ?? 0), 0n);
  return { region: 'here', tenant: 't', session: 's', input: sum(inputOf), output: sum(({ output }) => BigInt(output)), isFinal: true, cut: 5, asOf: T, ...changes };
}

const kinds = (given: Answer, slackMs = 0): string[] => judge(given, events, slackMs).findings.map(({ kind, key }) => `${kind} ${key}`);

describe('a total', () => {
  it('tells how often each event was counted', () => {
    expect(timesCounted(answer([1, 0, 2]).input)).toEqual([1, 0, 2]);
  });

  it.each([[[1]], [[1, 1]], [[1, 0, 1]], [[1, 1, 1]]])('may count what was not acknowledged, or not before T: %j', (times) => {
    expect(kinds(answer(times))).toEqual([]);
  });

  it('is falsely final without an event that was acknowledged before T', () => {
    expect(kinds(answer([0, 1, 1]))).toEqual(['falselyFinal t/s/0']);
    expect(kinds(answer([0, 1, 1], { isFinal: false }))).toEqual([]);
  });

  it('is not blamed for a T that is ahead by no more than clocks are wrong', () => {
    expect(kinds(answer([0, 1]), 10_000)).toEqual([]);
    expect(kinds(answer([0, 1]), 9_999)).toEqual(['falselyFinal t/s/0']);
  });

  it('tells what it is not blamed for', () => {
    expect(judge(answer([0, 1]), events, 10_000).excused).toEqual(['t/s/0']);
    expect(judge(answer([0, 1]), events, 9_999).excused).toEqual([]);
    expect(judge(answer([0, 1], { isFinal: false }), events, 10_000).excused).toEqual([]);
  });

  it('of nothing is falsely final when the session had an event before T', () => {
    const said = { tenant: 't', session: 's' };
    expect(kinds(nothing('here', said, { isFinal: true, cut: 5, asOf: T }))).toEqual(['falselyFinal t/s/0']);
    expect(kinds(nothing('here', said, { isFinal: true, cut: 5, asOf: T - 10_000 }))).toEqual([]);
    expect(kinds(nothing('here', said, { isFinal: false, cut: 5, asOf: T }))).toEqual([]);
  });

  it('is wrong with an event counted twice, final or not, acknowledged or not', () => {
    expect(kinds(answer([1, 2, 1]))).toEqual(['double t/s/1']);
    expect(kinds(answer([1, 1, 3], { isFinal: false }))).toEqual(['double t/s/2']);
  });

  it('is wrong with an event that was never sent', () => {
    expect(kinds(answer([1, 1, 1], { input: 1n + 4n + 16n + 64n }))).toEqual(['double t/s/3']);
  });

  it('is wrong by a single token', () => {
    expect(kinds(answer([1, 1, 1], { output: 328n }))).toEqual(['double t/s (output)']);
    expect(kinds(answer([1, 1, 1], { output: 326n }))).toEqual(['lost t/s (output)']);
  });

  it('misses what was acknowledged and is not in it', () => {
    expect(judge(answer([1, 0, 1]), events).missing).toEqual(['t/s/1']);
    expect(judge(answer([1, 1, 0]), events).missing).toEqual([]);
  });
});

describe('a value at a cut', () => {
  it('is the same later, and in every region', () => {
    const values = new Values(10);
    expect(values.see(answer([1]))).toEqual({ isRepeat: false, changed: undefined });
    expect(values.see(answer([1], { region: 'there' }))).toEqual({ isRepeat: true, changed: undefined });
    expect(values.see(answer([1, 1], { cut: 6 }))).toEqual({ isRepeat: false, changed: undefined });
    expect(values.see(answer([1, 1], { tenant: 'other' }))).toEqual({ isRepeat: false, changed: undefined });
    expect(values.see(answer([1, 1], { region: 'there' }))).toMatchObject({ isRepeat: true, changed: { kind: 'falselyFinal', key: 't/s@5' } });
  });

  it('is remembered for so many, the newest', () => {
    const values = new Values(1);
    values.see(answer([1]));
    values.see(answer([1, 1], { cut: 6 }));
    expect(values.see(answer([], { cut: 5 })).changed).toBeUndefined();
    expect(values.see(answer([1], { cut: 5 })).changed).toBeDefined();
  });
});
