/**
 * One publisher, of one tenant: makes events at a bounded rate, in sessions that roam between regions, and sends each batch until it is
 * acknowledged, after a failure in another region. Some it sends again although they were. An event is on its journal before it is sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api';
import { FaultsError } from './errors';
import { OUTPUT_TOKENS_MAX, SESSION_EVENTS_MAX, toCloudEvent, type Event } from './event';
import type { Random } from './random';
import type { Journal } from './journal';

export interface PublisherOptions {
  /** Where it sends to mostly. */
  readonly home: string;
  readonly api: Api;
  readonly journal: Journal;
  readonly random: Random;
  readonly eventsPerSecond: number;
  /** Told when ingest refuses an event that there is nothing wrong with. */
  readonly onRefused: (message: string) => void;
}

interface Batch {
  readonly events: readonly Event[];
  /** Where it goes next. */
  readonly region: string;
  /** Not before this moment, ms. */
  readonly due: number;
}

const BATCH_EVENTS = 10;
/** Open at a time: a session lives for half a minute, some for minutes. */
const SESSIONS_OPEN = 15;
const ROAM = 0.2;
const RESEND = 0.03;
/** Requests at a time, and batches that wait to be sent again: beyond, nothing new is made. */
const IN_FLIGHT_MAX = 8;
const WAITING_MAX = 200;
const BACKOFF_MS = { min: 200, max: 1_000 };
const LOOK_EVERY_MS = 20;

export class Publisher {
  private readonly open: { session: string; events: number }[] = [];
  private waiting: Batch[] = [];
  private inFlight = 0;
  private sessions = 0;
  isPaused = false;

  constructor(private readonly options: PublisherOptions) {}

  /** Until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const everyMs = (BATCH_EVENTS / this.options.eventsPerSecond) * 1_000;
    let next = Date.now();
    while (!signal.aborted) {
      this.resend();
      if (!this.isPaused && Date.now() >= next) {
        next = Math.max(next + everyMs, Date.now() - everyMs);
        if (this.inFlight < IN_FLIGHT_MAX && this.waiting.length < WAITING_MAX) this.publish();
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Resolves when nothing that was made is unacknowledged. */
  async drained(withinMs: number): Promise<void> {
    const until = Date.now() + withinMs;
    while (this.inFlight > 0 || this.waiting.length > 0) {
      if (Date.now() > until) throw new FaultsError('faults_not_as_expected', `${this.name}: ${this.waiting.length} batches were not acknowledged by any region within ${withinMs} ms`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  private get name(): string {
    return `${this.options.journal.publisher} of ${this.options.journal.tenant}`;
  }

  private publish(): void {
    const { journal, random, api, home } = this.options;
    const events = Array.from({ length: BATCH_EVENTS }, () => this.make());
    journal.made(events, Date.now());
    void this.send({ events, region: random.next() < ROAM ? random.pick(api.regions) : home, due: 0 });
    if (random.next() < RESEND) this.waiting.push({ events, region: random.pick(api.regions), due: Date.now() + random.between(0, BACKOFF_MS.max) });
  }

  private make(): Event {
    const { journal, random } = this.options;
    while (this.open.length < SESSIONS_OPEN) this.open.push({ session: `${journal.publisher}-${this.sessions++}`, events: 0 });
    // The first ones are taken most often.
    const at = Math.floor(random.next() ** 2 * SESSIONS_OPEN);
    const session = this.open[at] as (typeof this.open)[number];
    const event = { session: session.session, index: session.events++, output: random.between(0, OUTPUT_TOKENS_MAX) };
    if (session.events === SESSION_EVENTS_MAX) this.open.splice(at, 1);
    return event;
  }

  private resend(): void {
    const now = Date.now();
    for (const batch of this.waiting.filter(({ due }) => due <= now).slice(0, Math.max(0, IN_FLIGHT_MAX - this.inFlight))) {
      this.waiting.splice(this.waiting.indexOf(batch), 1);
      void this.send(batch);
    }
  }

  private async send(batch: Batch): Promise<void> {
    const { api, journal, random, onRefused } = this.options;
    this.inFlight++;
    const posted = await api.post(batch.region, journal.tenant, batch.events.map((event) => toCloudEvent(event, api.time)));
    this.inFlight--;
    switch (posted) {
      case 'acknowledged':
        journal.acked(batch.events, Date.now());
        break;
      case 'refused':
        onRefused(`${batch.region} refused a batch of ${this.name}`);
        break;
      case 'again': {
        const others = api.regions.filter((region) => region !== batch.region);
        this.waiting.push({ events: batch.events, region: random.pick(others.length > 0 ? others : api.regions), due: Date.now() + random.between(BACKOFF_MS.min, BACKOFF_MS.max) });
      }
    }
  }
}
