/**
 * Judges what the product says of a session by what the publishers know of it. Pure. A total may be behind, it may
 * hold events that were never acknowledged; it may never hold one twice, or be called final without one that it vouches for.
 */
import { timesCounted } from './event';
import type { Sent } from './journal';

/** What one region said of one session. */
export interface Answer {
  readonly region: string;
  readonly session: string;
  readonly input: bigint;
  readonly output: bigint;
  readonly isFinal: boolean;
  readonly cut: number;
  /** T: everything acknowledged before it is said to be below the cut. ms. */
  readonly asOf: number | undefined;
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
  /** Acknowledged, and not counted in this answer. */
  readonly missing: readonly Sent[];
}

/** `slackMs`: how far the clocks that T was read from may be ahead of ours. */
export function judge(answer: Answer, events: readonly Sent[], slackMs = 0): Judgement {
  const times = timesCounted(answer.input);
  const of = (index: number): number => times[index] ?? 0;
  const findings: Finding[] = [];
  const find = (kind: Kind, key: string, why: string): void => void findings.push({ kind, key, message: `${key} ${why} at cut ${answer.cut} in ${answer.region}` });

  times.forEach((count, index) => {
    const key = `${answer.session}/${index}`;
    if (count > 0 && !events[index]) find('double', key, 'is counted and was never sent');
    else if (count > 1) find('double', key, `is counted ${count} times`);
  });
  const output = events.reduce((sum, event) => sum + BigInt(event.output) * BigInt(of(event.index)), 0n);
  if (answer.output !== output) find(answer.output < output ? 'lost' : 'double', `${answer.session} (output)`, `is ${answer.output} and not the ${output} of the events that are counted`);

  const missing = events.filter(({ index, ackedAt }) => ackedAt !== undefined && of(index) === 0);
  const vouched = answer.isFinal && answer.asOf !== undefined ? answer.asOf - slackMs : -Infinity;
  for (const { index, ackedAt = Infinity } of missing) {
    if (ackedAt < vouched) find('falselyFinal', `${answer.session}/${index}`, `was acknowledged ${vouched - ackedAt} ms before T, is not counted, and the total is called final`);
  }
  return { findings, missing };
}

/** What was said at each cut: it never changes, and every region says the same. */
export class Values {
  private readonly seen = new Map<string, { readonly text: string; readonly region: string }>();

  /** `max`: how many are remembered, the newest. */
  constructor(private readonly max: number) {}

  see({ region, session, cut, input, output }: Answer): Finding | undefined {
    const [key, text] = [`${session}@${cut}`, `${input}+${output}`];
    const before = this.seen.get(key);
    if (before && before.text !== text) return { kind: 'falselyFinal', key, message: `${key} was ${before.text} in ${before.region} and is ${text} in ${region}` };
    if (!before) this.seen.set(key, { text, region });
    for (const oldest of this.seen.keys()) {
      if (this.seen.size <= this.max) break;
      this.seen.delete(oldest);
    }
    return undefined;
  }
}
