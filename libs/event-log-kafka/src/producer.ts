/**
 * Sends batches: once, with an answer for each partition. Over kafkajs' connections, not by its producer: that
 * one tells a single error for a whole send, so that what was appended is not known and would be sent again; and its
 * retries, after a leader has moved to a broker that has answered already, resolve without having sent that partition's
 * records. Never its idempotent mode: with two sends in flight it can lose an acknowledged record when one answer is lost.
 */
import type { Clock } from '@meridian/accounting';
import { EventLogError, type Draft } from '@meridian/event-log';
import type Cluster from 'kafkajs/src/cluster';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { requests } from 'kafkajs/src/protocol/requests';
import { isUnsent } from './errors';
import { Link, type LinkOptions } from './link';
import { APPEND_DEADLINE_MS, type KafkaAppendOptions } from './options';
import { within } from './patience';
import { encodeProduce, type Batch } from './produce';

/** All replicas in sync. */
const ACKS = -1;
const PRODUCE = 0;
/** Of the request: the first that takes record batches; what follows, up to the newest that kafkajs knows, has the same layout. */
const VERSION_MIN = 3;

/** What became of the records of one partition: where the first of them stands, or why not. */
export type Outcome =
  | { readonly base: number }
  /** `isUnsent`: nothing was appended, as far as the broker's answer tells (`errors.ts`). */
  | { readonly error: unknown; readonly isUnsent: boolean };

/** By partition: one outcome for each that is given. Never rejects. */
export type Send = (batches: ReadonlyMap<number, readonly Draft[]>) => Promise<ReadonlyMap<number, Outcome>>;

export interface ProducerOptions extends LinkOptions, Pick<KafkaAppendOptions, 'gzip' | 'appendDeadlineMs'> {
  readonly topic: string;
  readonly clock: Clock;
}

/** A link and the sends under way on it: after a failure the next send takes another, and these may end. */
interface Used {
  readonly link: Link;
  sends: number;
  isSpent: boolean;
}

export class Producer {
  private readonly deadlineMs: number;
  /** Connects with the first append: an aggregator never does. */
  private used: Used | undefined;

  constructor(private readonly options: ProducerOptions) {
    this.deadlineMs = options.appendDeadlineMs ?? APPEND_DEADLINE_MS;
  }

  readonly send: Send = async (batches) => {
    const used = (this.used ??= { link: this.createLink(), sends: 0, isSpent: false });
    const outcomes = new Map<number, Outcome>();
    used.sends++;
    try {
      await within(this.options.clock, this.deadlineMs, 'appending', this.ask(used.link, batches, outcomes));
    } catch (error) {
      // Half open, perhaps: nothing must wait for this connection any more.
      used.link.close();
      for (const partition of batches.keys()) if (!outcomes.has(partition)) outcomes.set(partition, { error, isUnsent: false });
    }
    used.sends--;
    this.spend(used, [...outcomes.values()].some((outcome) => 'error' in outcome));
    return new Map(outcomes);
  };

  close(): void {
    this.used?.link.close();
  }

  /** A failure leaves the link to the sends that are under way on it. */
  private spend(used: Used, hasFailed: boolean): void {
    used.isSpent ||= hasFailed;
    if (!used.isSpent) return;
    if (this.used === used) this.used = undefined;
    if (used.sends === 0) used.link.close();
  }

  private createLink(): Link {
    return new Link({ ...this.options, requestTimeoutMs: this.deadlineMs }, this.options.topic);
  }

  /** Fills in `outcomes`. */
  private async ask(link: Link, batches: ReadonlyMap<number, readonly Draft[]>, outcomes: Map<number, Outcome>): Promise<void> {
    const byLeader = new Map<Cluster.Broker, number[]>();
    for (const partition of batches.keys()) {
      try {
        const leader = await link.leader(partition);
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
      } catch (error) {
        outcomes.set(partition, { error, isUnsent: true });
      }
    }
    await Promise.all([...byLeader].map(async ([leader, partitions]) => {
      try {
        const answers = await this.produce(leader, partitions.map((partition) => ({ partition, drafts: batches.get(partition) ?? [] })));
        for (const partition of partitions) outcomes.set(partition, answers.get(partition) ?? missing(partition));
      } catch (error) {
        for (const partition of partitions) outcomes.set(partition, { error, isUnsent: isUnsent(error) });
      }
    }));
  }

  private async produce(leader: Cluster.Broker, batches: readonly Batch[]): Promise<Map<number, Outcome>> {
    const { topic, clock, gzip = false } = this.options;
    const { request, response } = leader.lookupRequest(PRODUCE, requests.Produce)({ acks: ACKS, timeout: this.deadlineMs, topicData: [] });
    if (request.apiVersion < VERSION_MIN) throw new EventLogError('log_invalid', 'the broker does not take record batches of Kafka 0.11 or newer: upgrade it');
    const encode = async (): Promise<Cluster.Encoded> => {
      const buf = await encodeProduce({ topic, acks: ACKS, timeoutMs: this.deadlineMs, time: clock.now(), gzip, batches });
      return { buf, buffer: buf };
    };
    // Its own `parse` would throw the first partition's error and the others' answers away.
    const exchange = { request: { ...request, encode }, response: { decode: (answer: unknown) => response.decode(answer), parse: (decoded: unknown) => Promise.resolve(decoded) } };
    const { topics } = (await leader.connectionPool.send(exchange)) as Cluster.ProduceAnswer;
    return new Map(topics.flatMap((one) => one.partitions).map(({ partition, errorCode, baseOffset }) => [partition, outcome(errorCode, Number(baseOffset))]));
  }
}

function outcome(errorCode: number, base: number): Outcome {
  if (errorCode === 0) return { base };
  const error = createErrorFromCode(errorCode);
  return { error, isUnsent: isUnsent(error) };
}

function missing(partition: number): Outcome {
  return { error: new EventLogError('log_unavailable', `partition ${partition} was not answered for`), isUnsent: false };
}
