/**
 * All publishers of a run, with a journal each. Each tenant has as many, of the same names, so that sessions and ids of
 * one are those of the other, and only the tokens differ: whatever mixes them up is seen in a total.
 */
import { mkdir } from 'node:fs/promises';
import { TENANTS, type Api } from './api';
import type { SessionRef } from './event';
import { Publisher } from './publisher';
import { Random } from './random';
import { Journal, Journals, type Made, type Sent } from './journal';

export interface LoadOptions {
  /** Of the journals. */
  readonly directory: string;
  readonly api: Api;
  readonly seed: number;
  readonly eventsPerSecond: number;
  readonly onRefused: (message: string) => void;
}

/** Of each tenant. */
const PUBLISHERS = 3;

export class Load {
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  /** Of publishers that a fault started. */
  private readonly others: Journals;

  private constructor(
    readonly directory: string,
    private readonly journals: readonly Journal[],
    private readonly publishers: readonly Publisher[],
  ) {
    this.others = new Journals(directory, journals);
  }

  static async start({ directory, api, seed, eventsPerSecond, onRefused }: LoadOptions): Promise<Load> {
    await mkdir(directory, { recursive: true });
    const journals = TENANTS.flatMap((tenant) => Array.from({ length: PUBLISHERS }, (_, at) => new Journal(directory, tenant, `publisher-${at + 1}`)));
    const publishers = journals.map((journal, at) => new Publisher({ home: api.regions[at % api.regions.length] as string, api, journal, random: new Random(seed + at), eventsPerSecond: eventsPerSecond / journals.length, onRefused }));
    const load = new Load(directory, journals, publishers);
    load.running = Promise.all(publishers.map((one) => one.run(load.stopping.signal)));
    return load;
  }

  get sent(): number {
    return this.journals.reduce((sum, { sent }) => sum + sent, this.sentByOthers().length);
  }

  get acknowledged(): number {
    return this.journals.reduce((sum, { acknowledged }) => sum + acknowledged, this.sentByOthers().filter(({ ackedAt }) => ackedAt !== undefined).length);
  }

  /** Of one session, as known now. */
  eventsOf({ tenant, session }: SessionRef): readonly Sent[] {
    const among = (all: readonly Made[]): readonly Sent[] | undefined => all.filter((made) => made.tenant === tenant).map(({ sessions }) => sessions.get(session)).find((events) => events !== undefined);
    return among(this.journals) ?? among(this.others.all()) ?? [];
  }

  /** Names of all sessions of a tenant, as known now. */
  sessionsOf(tenant: string): readonly string[] {
    return [...this.journals, ...this.others.all()].filter((made) => made.tenant === tenant).flatMap(({ sessions }) => [...sessions.keys()]);
  }

  /** So many of the newest sessions of each publisher. */
  newest(count: number): readonly SessionRef[] {
    return this.journals.flatMap(({ tenant, sessions }) => [...sessions.keys()].slice(-count).map((session) => ({ tenant, session })));
  }

  resume(): void {
    for (const one of this.publishers) one.isPaused = false;
  }

  /** Resolves when nothing new is made and everything that was is acknowledged. */
  async pause(withinMs: number): Promise<void> {
    for (const one of this.publishers) one.isPaused = true;
    await Promise.all(this.publishers.map((one) => one.drained(withinMs)));
  }

  private sentByOthers(): readonly Sent[] {
    return this.others.all().flatMap(({ sessions }) => [...sessions.values()].flat());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}
