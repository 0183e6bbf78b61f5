/**
 * Judges what the product says of a session by what the publishers know of it. Pure. A total may be behind, it may
 * hold events that were never acknowledged; it may never hold one twice, or be called final without one that it vouches for.
 */
import { timesCounted, type SessionRef } from './event';
import type { Sent } from './journal';

/** What one region said of one session. */
export interface Answer extends SessionRef {
  readonly region: string;
  readonly input: bigint;
  readonly output: bigint;
  readonly isFinal: boolean;
  readonly cut: number;
  /** T: everything acknowledged before it is said to be below the cut. ms. */
  readonly asOf: number | undefined;
}

/** What a region says of a session by not knowing it, when it claimed that before it was asked. */
export function nothing(region: string, { tenant, session }: SessionRef, { isFinal, cut, asOf }: Pick<Answer, 'isFinal' | 'cut' | 'asOf'>): Answer {
  return { region, tenant, session, input: 0n, output: 0n, isFinal, cut, asOf };
}

export type Kind = 'lost' | 'double' | 'falselyFinal';

export interface Finding {
  readonly kind: Kind;
  /** Each is counted once, however often it is seen. */
  readonly key: string;
  readonly message: string;
}

export interface Judgement {
  readonly findings: readonly Finding[];
  /** Keys of what was acknowledged and is not counted in this answer. */
  readonly missing: readonly string[];
  /** Of these, what only the slack keeps from being falsely final. */
  readonly excused: readonly string[];
}

/** `slackMs`: how far the clocks that T was read from may be ahead of ours. */
export function judge(answer: Answer, events: readonly Sent[], slackMs = 0): Judgement {
  const times = timesCounted(answer.input);
  const of = (index: number): number => times[index] ?? 0;
  const name = `${answer.tenant}/${answer.session}`;
  const keyOf = ({ index }: Pick<Sent, 'index'>): string => `${name}/${index}`;
  const findings: Finding[] = [];
  const find = (kind: Kind, key: string, why: string): void => void findings.push({ kind, key, message: `${key} ${why} at cut ${answer.cut} in ${answer.region}` });

  times.forEach((count, index) => {
    const key = keyOf({ index });
    if (count > 0 && !events[index]) find('double', key, 'is counted and was never sent');
    else if (count > 1) find('double', key, `is counted ${count} times`);
  });
  const output = events.reduce((sum, event) => sum + BigInt(event.output) * BigInt(of(event.index)), 0n);
  if (answer.output !== output) find(answer.output < output ? 'lost' : 'double', `${name} (output)`, `is ${answer.output} and not the ${output} of the events that are counted`);

  const missing = events.filter(({ index, ackedAt }) => ackedAt !== undefined && of(index) === 0);
  const vouched = answer.isFinal ? (answer.asOf ?? -Infinity) : -Infinity;
  const early = missing.filter(({ ackedAt = Infinity }) => ackedAt < vouched);
  const excused = early.filter(({ ackedAt = Infinity }) => ackedAt >= vouched - slackMs);
  for (const event of early) {
    if (!excused.includes(event)) find('falselyFinal', keyOf(event), `was acknowledged ${vouched - (event.ackedAt ?? 0)} ms before T (${new Date(vouched).toISOString()}), is not counted, and the total is called final`);
  }
  return { findings, missing: missing.map(keyOf), excused: excused.map(keyOf) };
}

export interface Seen {
  /** Something was said of that session at that cut before. */
  readonly isRepeat: boolean;
  /** It was something else. */
  readonly changed: Finding | undefined;
}

/** What was said at each cut: it never changes, and every region says the same. */
export class Values {
  private readonly seen = new Map<string, { readonly text: string; readonly region: string }>();

  /** `max`: how many are remembered, the newest. */
  constructor(private readonly max: number) {}

  see({ region, tenant, session, cut, input, output }: Answer): Seen {
    const [key, text] = [`${tenant}/${session}@${cut}`, `${input}+${output}`];
    const before = this.seen.get(key);
    if (before) {
      const changed: Finding | undefined = before.text === text ? undefined : { kind: 'falselyFinal', key, message: `${key} was ${before.text} in ${before.region} and is ${text} in ${region}` };
      return { isRepeat: true, changed };
    }
    this.seen.set(key, { text, region });
    for (const oldest of this.seen.keys()) {
      if (this.seen.size <= this.max) break;
      this.seen.delete(oldest);
    }
    return { isRepeat: false, changed: undefined };
  }
}
