/**
 * Single events followed through one region: from their 202 to the live total, to a cut that has them, and to an answer that
 * is final with them in. A cut has an event when `/v1/coverage` tells an offset at or beyond the 202's `through`. `final` says
 * more, and comes later: that no log is behind at that cut.
 */
import { systemClock } from '@meridian/system';
import { MODEL, PROVIDER, SOURCE } from './sample';

export interface Installation {
  readonly ingest: readonly string[];
  /** Of the region of the first ingest. */
  readonly reconciliation: string;
  readonly key: string;
}

/** ms after the 202, each; `Infinity`: it did not come in time. */
export interface Followed {
  readonly live: number;
  readonly inCut: number;
  readonly final: number;
}

export const FOLLOW_MS_MAX = 30_000;
const TENANT = 'bench';
const POLL_MS = 20;
/** Once for all that are followed: every look reads two rows per log. */
const COVERAGE_POLL_MS = 100;
/** A request that hangs is an error, and is sent again. */
const REQUEST_MS_MAX = 10_000;

interface Waiting {
  readonly through: Readonly<Record<string, number>>;
  readonly seen: () => void;
}

interface SessionAnswer {
  readonly events?: number;
  readonly status?: unknown;
  readonly live?: { readonly events: number };
}

export class Follower {
  /** Requests that were answered neither 200 nor 404, or not at all. */
  errors = 0;
  /** Events that were not answered 202: there is nothing to follow. */
  refused = 0;
  private readonly waiting = new Set<Waiting>();
  private readonly stopping = new AbortController();
  private readonly watching: Promise<void>;

  /** Gives up on an event `waitMs` after its 202. */
  constructor(private readonly at: Installation, private readonly waitMs = FOLLOW_MS_MAX) {
    this.watching = this.watchCuts();
  }

  /** Sends the event and follows it; undefined when it is refused. */
  async follow(number: number): Promise<Followed | undefined> {
    const session = `followed-${process.pid}-${number}`;
    const response = await post(this.at, 0, [usageOf(session, session)]).catch(() => undefined);
    if (response?.status !== 202) {
      this.refused++;
      return undefined;
    }
    const accepted = performance.now();
    const { through } = response.body as { readonly through: Readonly<Record<string, number>> };
    const [inCut, { live, final }] = await Promise.all([this.untilCut(through, accepted), this.untilFinal(session, accepted)]);
    // A final answer with the event in is of such a cut: it may be seen first.
    return { live, inCut: Math.min(inCut, final), final };
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.watching;
  }

  private async untilFinal(session: string, accepted: number): Promise<{ readonly live: number; readonly final: number }> {
    let live = Infinity;
    while (performance.now() - accepted < this.waitMs) {
      const answer = (await this.get(`/v1/tenants/${TENANT}/sessions/${session}?live=true`)) as SessionAnswer | undefined;
      const passed = performance.now() - accepted;
      if (live === Infinity && (answer?.live?.events ?? 0) > 0) live = passed;
      if (answer?.status === 'final' && (answer.events ?? 0) > 0) return { live, final: passed };
      await systemClock.sleep(POLL_MS);
    }
    return { live, final: Infinity };
  }

  private async untilCut(through: Waiting['through'], accepted: number): Promise<number> {
    const seen = Promise.withResolvers<number>();
    const waiting: Waiting = { through, seen: () => seen.resolve(performance.now() - accepted) };
    this.waiting.add(waiting);
    const over = new AbortController();
    const inCut = await Promise.race([seen.promise, systemClock.sleep(this.waitMs, over.signal).then(() => Infinity)]);
    over.abort();
    this.waiting.delete(waiting);
    return inCut;
  }

  private async watchCuts(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const answer = (await this.get('/v1/coverage')) as { readonly logs: readonly { readonly log: string; readonly cut: number }[] } | undefined;
      const cuts = new Map(answer?.logs.map(({ log, cut }) => [log, cut]));
      for (const { through, seen } of this.waiting) {
        if (Object.entries(through).every(([log, offset]) => (cuts.get(log) ?? -1) >= offset)) seen();
      }
      await systemClock.sleep(COVERAGE_POLL_MS, signal);
    }
  }

  /** Undefined of a 404, and of an error, which is counted. */
  private async get(path: string): Promise<unknown> {
    try {
      const response = await fetch(`${this.at.reconciliation}${path}`, { headers: { authorization: `Bearer ${this.at.key}` }, signal: AbortSignal.timeout(REQUEST_MS_MAX) });
      const body: unknown = await response.json();
      if (response.ok) return body;
      if (response.status !== 404) this.errors++;
    } catch {
      this.errors++;
    }
    return undefined;
  }
}

/** Sends the events to one of the ingests. */
export async function post({ ingest, key }: Installation, number: number, events: readonly object[]): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${ingest[number % ingest.length]}/v1/events`, {
    method: 'POST', body: JSON.stringify(events),
    headers: { authorization: `Bearer ${key}`, 'meridian-tenant': TENANT, 'content-type': 'application/cloudevents-batch+json' },
  });
  return { status: response.status, body: await response.json() };
}

export function usageOf(session: string, id: string): object {
  return {
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id, subject: session, time: new Date().toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens: { input: 700, cacheRead: 512, output: 100 } },
  };
}
