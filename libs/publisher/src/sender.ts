/**
 * Sends one batch until every event of it has an answer: accepted, or rejected for good. Goes through the ingests,
 * nearest first, for as long as none answers. Nothing is given up.
 */
import type { Clock, Random } from '@meridian/accounting';
import { PublisherError } from './errors';
import type { EventText } from './segment';

/** Why no ingest accepts an event, whenever and wherever. */
export interface Rejection {
  readonly code: string;
  /** The field, the reason, the fix. */
  readonly message: string;
  /** JSON pointer within the event; the whole event when absent. */
  readonly pointer?: string;
}

export interface Rejected extends Rejection {
  readonly event: EventText;
}

export interface SenderParts {
  /** URLs of ingests, nearest first. */
  readonly endpoints: readonly string[];
  readonly key: string;
  readonly tenant: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly onTrouble: (error: PublisherError) => void;
}

interface Answer {
  /** The request was refused as a whole, because of an event in it. */
  readonly isEventAtFault?: boolean;
  readonly code?: string;
  readonly detail?: string;
  readonly results?: readonly { readonly status: string; readonly code?: string; readonly message?: string; readonly pointer?: string }[];
}

/** Refusals of a whole request for which one event may be to blame. */
const EVENTS_AT_FAULT: ReadonlySet<unknown> = new Set(['body_malformed', 'member_duplicate', 'member_forbidden', 'nesting_too_deep', 'body_too_large', 'body_invalid']);
/** Also said by what stands before an ingest, in words of its own. */
const TOO_LARGE = 413;
const TOO_MANY = 429;
const UNREACHABLE_FIX = 'Events wait in the spool and go to the next one.';
const REFUSED_FIX = 'Correct key, tenant or endpoints: events wait in the spool meanwhile.';
/** After a failure elsewhere at once; when all have failed, this wait, doubled each time, with jitter. */
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 10_000;
/** An ingest may ask for more than that, up to this. */
const ASKED_MAX_MS = 60_000;
/** A farther ingest is used for so long before the nearest is tried again. */
const FAR_MS = 30_000;

export class Sender {
  /** Which endpoint is used, and since when. */
  private at = 0;
  private since = 0;
  /** How long the ingest asked last wants to be left alone. */
  private askedMs = 0;

  constructor(private readonly parts: SenderParts) {}

  /** Resolves with those that were rejected. Rejects only when the signal is aborted. */
  async send(events: readonly EventText[], signal: AbortSignal): Promise<readonly Rejected[]> {
    const { clock, endpoints } = this.parts;
    for (let failures = 0; ; failures++) {
      signal.throwIfAborted();
      if (this.at !== 0 && failures === 0 && clock.now() - this.since > FAR_MS) this.use(0);
      const answer = await this.post(events, signal);
      if (answer?.results?.length === events.length) return rejectedOf(events, answer.results);
      if (answer?.isEventAtFault === true) {
        const [event = ''] = events;
        if (events.length === 1) return [{ event, code: answer.code ?? 'body_too_large', message: answer.detail ?? 'the ingest takes no event of this size' }];
        const half = events.length >> 1;
        return [...(await this.send(events.slice(0, half), signal)), ...(await this.send(events.slice(half), signal))];
      }
      this.use((this.at + 1) % endpoints.length);
      const rounds = Math.floor((failures + 1) / endpoints.length);
      if ((failures + 1) % endpoints.length === 0) await clock.sleep(Math.max(this.backoff(rounds), this.askedMs), signal);
    }
  }

  private use(at: number): void {
    this.at = at;
    this.since = this.parts.clock.now();
  }

  private backoff(rounds: number): number {
    return Math.ceil(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(rounds - 1, 10)) * (0.5 + this.parts.random.next() / 2));
  }

  /** Undefined: nobody knows what became of them. */
  private async post(events: readonly EventText[], signal: AbortSignal): Promise<Answer | undefined> {
    const { endpoints, key, tenant, timeoutMs, onTrouble } = this.parts;
    const endpoint = endpoints[this.at] ?? '';
    this.askedMs = 0;
    try {
      const response = await fetch(`${endpoint}/v1/events`, {
        method: 'POST',
        body: `[${events.join(',')}]`,
        headers: { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${key}`, ...(tenant !== undefined && { 'meridian-tenant': tenant }) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const answer = (await response.json().catch(() => ({}))) as Answer;
      if (answer.results) return answer;
      const { status } = response;
      this.askedMs = Math.min(ASKED_MAX_MS, Number(response.headers.get('retry-after') ?? 0) * 1_000 || 0);
      if (status === TOO_LARGE || EVENTS_AT_FAULT.has(answer.code)) return { ...answer, isEventAtFault: true };
      const code = status >= 500 || status === TOO_MANY ? 'ingest_unreachable' : 'ingest_refused';
      onTrouble(new PublisherError(code, `${endpoint} answered ${status}: ${answer.detail ?? answer.code ?? response.statusText}`, { field: 'endpoints', fix: code === 'ingest_refused' ? REFUSED_FIX : UNREACHABLE_FIX }));
      return undefined;
    } catch (cause) {
      if (!signal.aborted) onTrouble(new PublisherError('ingest_unreachable', `${endpoint} does not answer`, { field: 'endpoints', fix: UNREACHABLE_FIX, cause }));
      return undefined;
    }
  }
}

function rejectedOf(events: readonly EventText[], results: NonNullable<Answer['results']>): Rejected[] {
  return results.flatMap(({ status, code = '', message = '', pointer }, at) => {
    const within = pointer?.replace(/^\/\d+/, '');
    return status === 'accepted' ? [] : [{ event: events[at] ?? '', code, message, ...(within !== undefined && { pointer: within }) }];
  });
}
