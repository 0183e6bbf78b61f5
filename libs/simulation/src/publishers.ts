/**
 * The simulated publishers: sessions that roam between regions, lost acknowledgements, resends elsewhere, voids before
 * and after their target, the odd conflict and the odd event with an impossible time.
 */
import { encodeRecord, type MeridianEvent } from '@meridian/accounting';
import type { Through } from '@meridian/pipeline';
import type { Sent } from './oracle';
import type { SeededRandom } from './random';
import type { Scheduler } from './scheduler';

/** Accepts through the region's ingest; never settles when that dies. Undefined while the region has none. */
export type Accept = (region: string, event: MeridianEvent) => Promise<Through> | undefined;

export interface PublishersParts {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly accept: Accept;
  /** Regions that can be published to now. */
  readonly regions: () => readonly string[];
  readonly sent: Sent[];
}

/** A publisher gives up waiting for an answer after this, ms, and sends again. */
const ANSWER_TIMEOUT_MS = 4_000;
const HOUR_MS = 3_600_000;
const MODELS = ['small', 'large'] as const;

export class Publishers {
  /** Events sent and not yet acknowledged. */
  private open = 0;
  private readonly names: { readonly tenant: string; readonly session: string; readonly source: string; readonly id: string }[] = [];

  constructor(private readonly parts: PublishersParts) {}

  get isDone(): boolean {
    return this.open === 0;
  }

  /** Plans `events` events over `spanMs` of virtual time, in `sessions` sessions. */
  plan(events: number, sessions: number, spanMs: number): void {
    const { random, scheduler } = this.parts;
    this.open = events;
    for (let i = 0; i < events; i++) {
      const tenant = `t${i % 2}`;
      const session = `s${random.integer(1, sessions)}`;
      scheduler.after(random.integer(0, spanMs), () => this.publish(tenant, session, i));
    }
  }

  private publish(tenant: string, session: string, i: number): void {
    const { random } = this.parts;
    const earlier = this.names.filter((one) => one.tenant === tenant && one.session === session);
    const head = { tenant, session, source: 'svc', time: this.time() };
    // A void may come before its target: it then names an id that is yet to be sent.
    const kind = random.next();
    if (kind < 0.06) {
      const target = earlier.length > 0 && random.chance(0.7) ? random.pick(earlier) : { source: 'svc', id: `e${i + random.integer(1, 6)}` };
      this.send({ ...head, kind: 'void', id: `v${i}`, target: { source: target.source, id: target.id }, reason: 'simulated' });
      return;
    }
    const id = kind < 0.1 && earlier.length > 0 ? random.pick(earlier).id : `e${i}`;
    this.names.push({ tenant, session, source: 'svc', id });
    this.send({
      ...head, kind: 'usage', id, provider: 'p', model: random.pick(MODELS), counted: 'reported',
      tokens: { input: random.integer(0, 9_000), output: random.integer(1, 900), ...(random.chance(0.2) ? { reasoning: random.integer(0, 99) } : {}) },
    });
  }

  private time(): number {
    const { random, scheduler } = this.parts;
    if (random.chance(0.03)) return scheduler.now - 40 * 24 * HOUR_MS;
    return scheduler.now - random.integer(-60_000, 2 * HOUR_MS);
  }

  private send(event: MeridianEvent): void {
    const { random } = this.parts;
    const sent: Sent = { name: JSON.stringify([event.tenant, event.session, event.source, event.id]), json: encodeRecord(event), acknowledgements: [] };
    this.parts.sent.push(sent);
    this.attempt(event, sent, () => {
      this.open--;
      // The publisher believes the acknowledgement lost: the same event again, elsewhere, maybe much later.
      while (random.chance(0.2)) this.parts.scheduler.after(random.integer(0, 6_000), () => this.attempt(event, sent, () => undefined));
    });
  }

  /** Sends until it is acknowledged somewhere; every further attempt may go to another region. */
  private attempt(event: MeridianEvent, sent: Sent, acknowledged: () => void): void {
    const { random, scheduler, accept, regions } = this.parts;
    const region = random.pick(regions());
    let isAnswered = false;
    const again = (): void => {
      if (isAnswered) return;
      isAnswered = true;
      scheduler.after(random.integer(50, 800), () => this.attempt(event, sent, acknowledged));
    };
    const answer = accept(region, event);
    if (!answer) {
      again();
      return;
    }
    scheduler.after(ANSWER_TIMEOUT_MS, again);
    answer.then(
      (through) => {
        for (const [log, end] of Object.entries(through)) sent.acknowledgements.push({ log, offset: end - 1, at: scheduler.now });
        if (isAnswered) return;
        isAnswered = true;
        acknowledged();
      },
      again,
    );
  }
}
