/**
 * Posts events to the regions' ingest in batches, as fast as they are accepted. Each region has a lane with a few
 * batches under way; whoever adds faster than that waits. A batch without an answer is sent again until it has one:
 * its events keep their ids, so a batch that had been accepted after all is a duplicate and nothing more.
 */
import { MeridianError, type Clock, type LogId, type Random } from '@meridian/accounting';
import type { Client } from '../client';
import { CliError } from '../errors';

/** A CloudEvent. */
export interface SentEvent {
  readonly specversion: '1.0';
  readonly type: 'meridian.usage.v1';
  readonly source: string;
  readonly id: string;
  readonly subject: string;
  readonly time: string;
  readonly data: {
    readonly provider: string;
    readonly model: string;
    readonly tokens: { readonly input: number; readonly cacheRead: number; readonly output: number };
  };
}

export interface Item {
  readonly event: SentEvent;
  /** Region it goes to once more after its acknowledgement. */
  readonly resendTo: string | undefined;
}

/** What `POST /v1/events` answers. */
export interface EventsAnswer {
  readonly results: readonly { readonly id: string | null; readonly status: string; readonly code?: string; readonly message?: string }[];
  readonly accepted: number;
  readonly rejected: number;
  /** Offsets below which the accepted events stand, by log. */
  readonly through: Readonly<Record<LogId, number>>;
}

export interface SenderParts {
  readonly clients: ReadonlyMap<string, Client>;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted: nothing is sent any more, and whoever waits here is told. */
  readonly signal: AbortSignal;
  readonly onAcknowledged: (events: number) => void;
}

/** Events in a batch. */
const BATCH_EVENTS = 200;
/** Batches under way per region: one being written while the next is on its way. */
const BATCHES_IN_FLIGHT = 3;
/** Events that wait in a lane before adding waits. */
const WAITING_EVENTS = BATCH_EVENTS * BATCHES_IN_FLIGHT;
/** First and longest wait before a batch is sent again, ms; doubled each time, with jitter. */
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 5_000;
/** A batch that nobody takes for this long ends the run. */
const BATCH_DEADLINE_MS = 120_000;

interface Lane {
  readonly region: string;
  readonly client: Client;
  readonly waiting: Item[];
  inFlight: number;
}

export class Sender {
  /** Events posted, batches sent again included. */
  sent = 0;
  /** Events acknowledged, by region. */
  readonly accepted = new Map<string, number>();
  /** By log, the offset below which everything acknowledged stands. */
  readonly through = new Map<LogId, number>();
  private readonly lanes: ReadonlyMap<string, Lane>;
  private isDraining = false;
  private failure: { readonly error: unknown } | undefined;
  /** Replaced whenever something moved: wakes those who wait for room or for the end. */
  private moved: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(private readonly parts: SenderParts) {
    this.lanes = new Map([...parts.clients].map(([region, client]) => [region, { region, client, waiting: [], inFlight: 0 }]));
  }

  /** Resolves when there is room for more. Rejects when a batch failed for good. */
  async add(region: string, item: Item): Promise<void> {
    const lane = this.push(region, item);
    while (lane.waiting.length >= WAITING_EVENTS) await this.movement();
    this.assertSound();
  }

  /** Resolves when everything added, and everything sent once more because of it, is acknowledged. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const lanes = [...this.lanes.values()];
    for (const lane of lanes) this.pump(lane);
    while (lanes.some(({ waiting, inFlight }) => waiting.length > 0 || inFlight > 0)) await this.movement();
    this.assertSound();
  }

  private push(region: string, item: Item): Lane {
    const lane = this.lanes.get(region);
    if (!lane) throw new CliError('usage', `there is no region ${region}`);
    lane.waiting.push(item);
    this.pump(lane);
    return lane;
  }

  private pump(lane: Lane): void {
    const least = this.isDraining ? 1 : BATCH_EVENTS;
    while (!this.failure && lane.inFlight < BATCHES_IN_FLIGHT && lane.waiting.length >= least) {
      lane.inFlight++;
      void this.deliver(lane, lane.waiting.splice(0, BATCH_EVENTS));
    }
  }

  private async deliver(lane: Lane, items: readonly Item[]): Promise<void> {
    try {
      const answer = await this.post(lane, items);
      const refused = answer.results.find(({ status }) => status !== 'accepted');
      if (refused) {
        throw new CliError('event_rejected', `${lane.region} rejected event ${refused.id ?? ''}: ${refused.message ?? refused.code ?? refused.status}`);
      }
      this.accepted.set(lane.region, (this.accepted.get(lane.region) ?? 0) + items.length);
      for (const [log, offset] of Object.entries(answer.through) as [LogId, number][]) {
        this.through.set(log, Math.max(this.through.get(log) ?? 0, offset));
      }
      for (const { event, resendTo } of items) if (resendTo !== undefined) this.push(resendTo, { event, resendTo: undefined });
      this.parts.onAcknowledged(items.length);
    } catch (error) {
      this.failure ??= { error };
    } finally {
      lane.inFlight--;
      this.pump(lane);
      this.moved.resolve();
      this.moved = Promise.withResolvers();
    }
  }

  private async post(lane: Lane, items: readonly Item[]): Promise<EventsAnswer> {
    const { clock, random, signal } = this.parts;
    const events = items.map(({ event }) => event);
    const began = clock.now();
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      this.sent += events.length;
      try {
        return await lane.client.post<EventsAnswer>('/v1/events', events, 'application/cloudevents-batch+json');
      } catch (error) {
        if (!(error instanceof MeridianError) || !error.retryable || clock.now() - began > BATCH_DEADLINE_MS) throw error;
        const asked = error instanceof CliError ? error.retryAfterMs : undefined;
        const backoff = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10));
        await clock.sleep(Math.ceil((asked ?? backoff) * (0.5 + random.next() / 2)), signal);
      }
    }
  }

  private async movement(): Promise<void> {
    this.assertSound();
    await this.moved.promise;
  }

  private assertSound(): void {
    if (this.failure) throw this.failure.error;
  }
}
