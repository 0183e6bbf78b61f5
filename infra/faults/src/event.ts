/**
 * An event as the harness makes it, in such a way that a session's total tells of each of its events how often it was
 * counted: event i has 4^i input tokens, so digit i of the sum, to the base 4, is the number of times.
 */

/** Of one session: 4^(n−1) is a count that JSON carries exactly. */
export const SESSION_EVENTS_MAX = 24;
export const OUTPUT_TOKENS_MAX = 1_000;

export interface Event {
  readonly session: string;
  /** In its session, from 0. */
  readonly index: number;
  /** Tokens by chance beside those that tell. */
  readonly output: number;
}

/** A session as a reader asks for it. Every tenant has sessions, and events in them, of the same names. */
export interface SessionRef {
  readonly tenant: string;
  readonly session: string;
}

export function idOf({ session, index }: Event): string {
  return `${session}/${index}`;
}

export function inputOf({ index }: Event): bigint {
  return 4n ** BigInt(index);
}

/** How often each event was counted, by its index. */
export function timesCounted(input: bigint): number[] {
  const times: number[] = [];
  for (let rest = input; rest > 0n; rest /= 4n) times.push(Number(rest % 4n));
  return times;
}

/** As `POST /v1/events` takes it. All of a run carry one time, so that no total is split over two months. */
export function toCloudEvent(event: Event, time: string): object {
  return {
    specversion: '1.0',
    type: 'meridian.usage.v1',
    source: 'faults',
    id: idOf(event),
    subject: event.session,
    time,
    data: { provider: 'harness', model: 'digits', tokens: { input: Number(inputOf(event)), output: event.output } },
  };
}
