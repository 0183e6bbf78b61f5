/**
 * What a service embeds to publish events: durable on its own disk first, then sent until an ingest has accepted them,
 * in whichever region. An event is sent once more rather than never: ingest and ledger know it by its identity.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Clock, Random } from '@meridian/accounting';
import { diskError, PublisherError } from './errors';
import { Sender, type Rejection } from './sender';
import { Spool } from './spool';

/** A CloudEvent as `POST /v1/events` takes it: README, "Publish an event". Its id must be the same whenever it is published again. */
export interface PublisherEvent {
  readonly specversion: '1.0';
  readonly type: string;
  readonly source: string;
  readonly id: string;
  readonly subject: string;
  readonly time: string;
  readonly data: object;
}

export interface PublisherOptions {
  /** URLs of ingests, nearest first. */
  readonly endpoints: readonly string[];
  readonly key: string;
  /** With a platform key: whose events these are. */
  readonly tenant?: string;
  /** Directory of this process alone, on a file system with locks; it is made when it is not there. */
  readonly spool: string;
  /** Default: 256 MiB. */
  readonly spoolBytesMax?: number;
  /** How long an ingest may take to answer, ms. Default: 10,000. */
  readonly timeoutMs?: number;
  /**
   * Told of every event that no ingest accepts, after it was written to `rejected.ndjson`; after a crash perhaps once more.
   * What it throws is a warning of the process and changes nothing: the event is in that file.
   */
  readonly onRejected?: (event: PublisherEvent, rejection: Rejection) => void;
  /** Told what keeps events in the spool: for a log. It goes on by itself, also when this throws, which is a warning of the process. */
  readonly onTrouble?: (error: PublisherError) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

const SPOOL_BYTES_MAX = 256 * 1024 * 1024;
const SPOOL_BYTES_MIN = 4_096;
const TIMEOUT_MS = 10_000;
/** Ingest takes 4 MiB; a usage event has some 400 bytes. */
const EVENT_BYTES_MAX = 1_048_576;
/** After the disk could not be read, or refused to note what was rejected. */
const DISK_WAIT_MS = 1_000;

const machineClock: Clock = { now: () => Date.now(), sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }).catch(() => undefined) };
const machineRandom: Random = { next: () => Math.random() };

export class Publisher {
  private readonly closing = new AbortController();
  private readonly sender: Sender;
  private readonly clock: Clock;
  private readonly onRejected: NonNullable<PublisherOptions['onRejected']>;
  private readonly onTrouble: NonNullable<PublisherOptions['onTrouble']>;
  private readonly running: Promise<void>;
  /** Replaced when something was published or the spool was emptied. */
  private moved: PromiseWithResolvers<void> = Promise.withResolvers();

  private constructor(
    private readonly options: PublisherOptions,
    private readonly spool: Spool,
  ) {
    const { endpoints, key, tenant, clock = machineClock, random = machineRandom, timeoutMs = TIMEOUT_MS } = options;
    this.clock = clock;
    this.onRejected = guarded('onRejected', options.onRejected);
    this.onTrouble = guarded('onTrouble', options.onTrouble);
    this.sender = new Sender({ endpoints: endpoints.map((url) => url.replace(/\/+$/, '')), key, tenant, clock, random, timeoutMs, onTrouble: this.onTrouble });
    this.running = this.run();
  }

  /** Sends what the spool has from before. Rejects with `publisher_invalid`, `spool_in_use`, `spool_damaged`, or what the disk says. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const { endpoints, spool, spoolBytesMax = SPOOL_BYTES_MAX } = options;
    if (endpoints.length === 0 || !endpoints.every((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) {
      throw new PublisherError('publisher_invalid', 'there is none, or one is no URL', { field: 'endpoints', fix: 'Give URLs such as https://ingest.eu-west-1.example, nearest first.' });
    }
    if (!Number.isSafeInteger(spoolBytesMax) || spoolBytesMax < SPOOL_BYTES_MIN) {
      throw new PublisherError('publisher_invalid', `${spoolBytesMax} is no number of bytes from ${SPOOL_BYTES_MIN} on`, { field: 'spoolBytesMax', fix: 'Give what the service may have waiting when no region is reachable.' });
    }
    return new Publisher(options, await Spool.open(spool, spoolBytesMax));
  }

  /** Bytes that the spool has on disk, rejected events included. */
  get spoolBytes(): number {
    return this.spool.bytes;
  }

  /**
   * Resolves when the event is durable in the spool: from then on it is counted exactly once, whatever happens to this
   * process. Rejects with `spool_full` when there is no room: nothing was taken, the caller still has the event.
   */
  async publish(event: PublisherEvent): Promise<void> {
    this.assertOpen();
    await this.spool.append(textOf(event));
    this.move();
  }

  /** Resolves when everything published so far is accepted or rejected. Rejects with `publisher_closed`. */
  async drained(): Promise<void> {
    while (this.spool.hasMore) {
      this.assertOpen();
      await this.moved.promise;
    }
  }

  /** Stops sending at once. What is in the spool is sent by whoever opens it next. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.move();
    await this.running;
    await this.spool.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const { promise } = this.moved;
      if (!this.spool.hasMore) await promise;
      else await this.sendOne(signal).catch((error: unknown) => this.afterTrouble(error, signal));
    }
  }

  private async afterTrouble(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.onTrouble(error instanceof PublisherError ? error : diskError(error, this.options.spool));
    await this.clock.sleep(DISK_WAIT_MS, signal);
  }

  private async sendOne(signal: AbortSignal): Promise<void> {
    const batch = await this.spool.next();
    const rejected = await this.sender.send(batch.events, signal);
    const at = new Date(this.clock.now()).toISOString();
    // Before they leave the spool: an event is in one place at least.
    if (rejected.length > 0) await this.spool.reject(rejected.map(({ event, ...rejection }) => `${JSON.stringify({ at, ...rejection }).slice(0, -1)},"event":${event}}`));
    for (const { event, ...rejection } of rejected) this.onRejected(JSON.parse(event) as PublisherEvent, rejection);
    await this.spool.acknowledge(batch);
    this.move();
  }

  private assertOpen(): void {
    if (this.closing.signal.aborted) throw new PublisherError('publisher_closed', 'it was closed before', { field: 'publisher', fix: 'Open another one.' });
  }

  private move(): void {
    this.moved.resolve();
    this.moved = Promise.withResolvers();
  }
}

/** Whatever the service's own function does, sending goes on and the process lives: neither waits for it, and what it throws is seen. */
function guarded<Args extends readonly unknown[]>(name: string, told: ((...args: Args) => unknown) | undefined): (...args: Args) => void {
  const warn = (error: unknown): void => process.emitWarning(`${name} of a publisher threw`, { type: 'MeridianWarning', detail: inspect(error) });
  return (...args) => void (async () => told?.(...args))().catch(warn);
}

function textOf(event: PublisherEvent): string {
  const text = JSON.stringify(event) as string | undefined;
  const invalid = (reason: string): PublisherError => new PublisherError('event_invalid', reason, { field: 'event', fix: 'Publish a CloudEvent as POST /v1/events takes it.' });
  if (text?.startsWith('{') !== true) throw invalid('it is no JSON object');
  if (Buffer.byteLength(text) > EVENT_BYTES_MAX) throw invalid(`it has ${Buffer.byteLength(text)} bytes, and ${EVENT_BYTES_MAX} at most are taken`);
  return text;
}
