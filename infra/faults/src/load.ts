/** All publishers of a run, with a journal each. */
import { mkdir } from 'node:fs/promises';
import type { Api } from './api';
import { Publisher } from './publisher';
import { Random } from './random';
import { Journal, Journals, type Sent } from './journal';

export interface LoadOptions {
  /** Of the journals. */
  readonly directory: string;
  readonly api: Api;
  readonly seed: number;
  readonly eventsPerSecond: number;
  readonly onRefused: (message: string) => void;
}

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
    const names = Array.from({ length: PUBLISHERS }, (_, at) => `publisher-${at + 1}`);
    const journals = names.map((name) => new Journal(directory, name));
    const publishers = journals.map((journal, at) => new Publisher({ name: names[at] as string, home: api.regions[at % api.regions.length] as string, api, journal, random: new Random(seed + at), eventsPerSecond: eventsPerSecond / PUBLISHERS, onRefused }));
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
  eventsOf(session: string): readonly Sent[] {
    const own = this.journals.map(({ sessions }) => sessions.get(session)).find((events) => events !== undefined);
    return own ?? this.others.all().map((sessions) => sessions.get(session)).find((events) => events !== undefined) ?? [];
  }

  /** Names of so many of the newest sessions of each publisher. */
  newest(count: number): readonly string[] {
    return this.journals.flatMap(({ sessions }) => [...sessions.keys()].slice(-count));
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
    return this.others.all().flatMap((sessions) => [...sessions.values()].flat());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}
