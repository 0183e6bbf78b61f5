/**
 * Whether a region's numbers are exactly what the file says: the usage total, and every single session. Pure. What the
 * file says was summed without the accounting, so that one cannot vouch for the other.
 */
import { count } from '../format';
import type { Conversation, SessionSums, TokenSums } from './conversation';
import type { RegionView } from './view';

/** What differs, one sentence each; nothing when the view is exact. */
export function differences(conversation: Conversation, view: RegionView): string[] {
  const found: string[] = [];
  const differ = (what: string, got: bigint | number, expected: bigint | number): void => {
    if (got !== expected) found.push(`${view.region}: ${what} is ${count(got)} where the file has ${count(expected)}`);
  };
  differ('the number of events counted', view.events, conversation.rows);
  for (const bucket of BUCKETS) differ(`usage of ${bucket}`, view.tokens[bucket], conversation.tokens[bucket]);
  differ('usage of other buckets', view.otherTokens, 0n);
  differ('the number of sessions', view.sessions.size, conversation.sessions.size);
  const wrong = [...conversation.sessions].filter(([session, expected]) => !isSame(expected, view.sessions.get(session)));
  const [first] = wrong;
  if (first) found.push(`${view.region}: ${count(wrong.length)} sessions differ from the file, the first is ${first[0]}`);
  return found;
}

const BUCKETS = ['input', 'cacheRead', 'output'] as const satisfies readonly (keyof TokenSums)[];

function isSame(expected: SessionSums, got: SessionSums | undefined): boolean {
  return got !== undefined && got.events === expected.events && BUCKETS.every((bucket) => got[bucket] === expected[bucket]);
}
