/** A request's events: judged one by one, the good ones appended together. Answers only what is durable. */
import type { MeridianEvent } from '@meridian/accounting';
import { HttpError, type JsonBody } from '@meridian/http';
import type { Acceptor, Through } from '@meridian/pipeline';
import { readEvent, type Sender } from './event-reader';
import type { Rejection, RejectionCode } from './rejection';

/** What came, and how its content type says to read it. */
export interface EventBody extends JsonBody {
  readonly isBatch: boolean;
}

export interface EventResult {
  readonly index: number;
  /** null when the event has none that could be read. */
  readonly id: string | null;
  readonly status: 'accepted' | 'rejected';
  readonly code?: RejectionCode;
  readonly message?: string;
  /** JSON pointer into the body. */
  readonly pointer?: string;
}

/** Of one event: its id when it is good, else why not. */
type Outcome = string | EventResult;

export interface IntakeAnswer {
  readonly results: readonly EventResult[];
  readonly accepted: number;
  readonly rejected: number;
  /** Offsets up to which (exclusive) the accepted events stand, by log: a cut that covers these covers the events. */
  readonly through: Through;
}

export class Intake {
  constructor(
    private readonly acceptor: Acceptor,
    private readonly batchEventsMax: number,
  ) {}

  /**
   * Rejects with `EventLogError` when the events may not be durable: then nothing is acknowledged. Throws `HttpError`.
   * Nothing holds the parsed body while the append is waited for: by then it is garbage, and cheap as such only when young.
   */
  take(body: EventBody, sender: Sender, headers: Readonly<Record<string, string>> | undefined): Promise<IntakeAnswer> {
    const { events, outcomes } = this.judge(body, sender);
    return answer(events.length > 0 ? this.acceptor.accept(events, headers) : Promise.resolve({}), outcomes);
  }

  private judge(body: EventBody, sender: Sender): { readonly events: readonly MeridianEvent[]; readonly outcomes: readonly Outcome[] } {
    const rounded = roundedByEvent(body);
    const events: MeridianEvent[] = [];
    const outcomes = this.eventsOf(body).map((raw, index): Outcome => {
      const read = readEvent(raw, sender);
      const rejection = 'rejection' in read ? read.rejection : rounded?.get(index);
      if (rejection) return rejected(index, raw, rejection, body.isBatch);
      const { event } = read as { readonly event: MeridianEvent };
      events.push(event);
      return event.id;
    });
    return { events, outcomes };
  }

  private eventsOf({ value, isBatch }: EventBody): readonly unknown[] {
    if (!isBatch) {
      if (Array.isArray(value)) throw new HttpError('body_invalid', 'the body is an array: send it as application/cloudevents-batch+json');
      return [value];
    }
    if (!Array.isArray(value)) throw new HttpError('body_invalid', 'the body is no array: send one event as application/cloudevents+json');
    if (value.length === 0) throw new HttpError('body_invalid', 'the batch is empty: send at least one event');
    if (value.length > this.batchEventsMax) {
      throw new HttpError('batch_too_large', `the batch holds ${value.length} events: send at most ${this.batchEventsMax} at a time`);
    }
    return value;
  }
}

async function answer(appended: Promise<Through>, outcomes: readonly Outcome[]): Promise<IntakeAnswer> {
  const through = await appended;
  let accepted = 0;
  const results = outcomes.map((outcome, index): EventResult => {
    if (typeof outcome !== 'string') return outcome;
    accepted++;
    return { index, id: outcome, status: 'accepted' };
  });
  return { results, accepted, rejected: results.length - accepted, through };
}

function rejected(index: number, raw: unknown, { code, message, pointer }: Rejection, isBatch: boolean): EventResult {
  const id: unknown = typeof raw === 'object' && raw !== null ? (raw as { readonly id?: unknown }).id : undefined;
  return { index, id: typeof id === 'string' ? id : null, status: 'rejected', code, message, pointer: isBatch ? `/${index}${pointer}` : pointer };
}

/** The rejection of each event with a number that only rounding made an integer. */
function roundedByEvent({ rounded, isBatch }: EventBody): ReadonlyMap<number, Rejection> | undefined {
  if (rounded.length === 0) return undefined;
  const rejections = new Map<number, Rejection>();
  for (const pointer of rounded) {
    const within = isBatch ? pointer.replace(/^\/\d+/, '') : pointer;
    const index = isBatch ? Number(pointer.slice(1, pointer.length - within.length)) : 0;
    rejections.set(index, { code: 'number_rounded', pointer: within, message: `${within.slice(1).replaceAll('/', '.')}: is no integer; it would be rounded to one` });
  }
  return rejections;
}
