/**
 * A service that publishes with `@meridian/publisher`, as a process of its own to be killed. What it has made is on its
 * journal before it is published; which of that `publish` resolved for stands in a file beside. Both are on another disk
 * than the spool. What was refused it publishes again, for the caller of `publish` still has it. Told to finish, it
 * makes nothing new, publishes what `publish` has not resolved for, and only that, and ends when all of it is accepted.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Publisher, PublisherError, type PublisherEvent } from '@meridian/publisher';
import { idOf, OUTPUT_TOKENS_MAX, SESSION_EVENTS_MAX, toCloudEvent, type Event } from './event';
import { FaultsError } from './errors';
import { Journal, readJournal } from './journal';
import { Random } from './random';

/** Given as JSON. */
export interface SpoolPublisherOptions {
  readonly name: string;
  /** Of journals. */
  readonly directory: string;
  readonly spool: string;
  readonly endpoints: readonly string[];
  readonly key: string;
  readonly tenant: string;
  /** Of every event. */
  readonly time: string;
  readonly seed: number;
  readonly isToFinish: boolean;
}

/** A line on stdout whenever it has published a batch. */
export interface Said {
  readonly published: number;
  readonly refused: number;
}

const BATCH_EVENTS = 20;
const EVERY_MS = 50;
const TIMEOUT_MS = 2_000;
/** Events that were refused and are published again: beyond, nothing new is made. */
const REFUSED_MAX = 200;

class SpoolPublisher {
  private readonly journal: Journal;
  private readonly random: Random;
  private readonly publishedFile: string;
  private readonly said = { published: 0, refused: 0 };
  /** To be published, or published again. */
  private readonly left: Event[] = [];
  private made = 0;

  constructor(
    private readonly options: SpoolPublisherOptions,
    private readonly publisher: Publisher,
  ) {
    this.journal = new Journal(options.directory, options.tenant, options.name);
    this.random = new Random(options.seed);
    this.publishedFile = join(options.directory, `${options.name}.published`);
  }

  async publishOn(): Promise<never> {
    for (;;) {
      if (this.left.length < REFUSED_MAX) this.make();
      await this.publishLeft();
      await sleep(EVERY_MS);
    }
  }

  async finish(): Promise<void> {
    const made = [...readJournal(this.journal.file).values()].flat();
    const published = new Set(existsSync(this.publishedFile) ? readFileSync(this.publishedFile, 'utf8').split('\n') : []);
    this.left.push(...made.filter((event) => !published.has(idOf(event))));
    while (this.left.length > 0) await this.publishLeft();
    await this.publisher.drained();
    this.journal.adopt(made);
    this.journal.acked(made, Date.now());
    await this.publisher.close();
  }

  private make(): void {
    const { name } = this.options;
    const events = Array.from({ length: BATCH_EVENTS }, (): Event => ({
      session: `${name}-${Math.floor(this.made / SESSION_EVENTS_MAX)}`, index: this.made++ % SESSION_EVENTS_MAX, output: this.random.between(0, OUTPUT_TOKENS_MAX),
    }));
    this.journal.made(events, Date.now());
    this.left.push(...events);
  }

  private async publishLeft(): Promise<void> {
    const events = this.left.splice(0);
    const outcomes = await Promise.allSettled(events.map((event) => this.publisher.publish(toCloudEvent(event, this.options.time) as PublisherEvent)));
    const published = events.filter((_, at) => outcomes[at]?.status === 'fulfilled');
    appendFileSync(this.publishedFile, published.map((event) => `${idOf(event)}\n`).join(''));
    for (const outcome of outcomes) if (outcome.status === 'rejected' && !isFull(outcome.reason)) throw outcome.reason;
    this.left.push(...events.filter((event) => !published.includes(event)));
    this.said.published += published.length;
    this.said.refused += events.length - published.length;
    process.stdout.write(`${JSON.stringify(this.said satisfies Said)}\n`);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof PublisherError && error.code === 'spool_full';
}

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '') as SpoolPublisherOptions;
  // Whoever started it is gone, and nobody would end it.
  process.stdin.on('end', () => process.exit(1)).resume();
  const { endpoints, key, tenant, spool, isToFinish } = options;
  const onRejected = ({ id }: PublisherEvent, { message }: { readonly message: string }): never => {
    throw new FaultsError('faults_not_as_expected', `${id} was rejected: ${message}`);
  };
  const publisher = new SpoolPublisher(options, await Publisher.open({ endpoints, key, tenant, spool, timeoutMs: TIMEOUT_MS, onRejected }));
  if (!isToFinish) return publisher.publishOn();
  await publisher.finish();
  process.exit(0);
}

if (require.main === module) void main();
