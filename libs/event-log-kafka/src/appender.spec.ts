import { draft } from '@meridian/event-log/contract';
import { Appender, type AppenderOptions } from './appender';
import type { Outcome, Send } from './producer';

const NONE: ReadonlyMap<number, Outcome> = new Map();

interface Sent {
  readonly texts: string[];
  /** With the refusal of some partitions. */
  readonly answer: PromiseWithResolvers<ReadonlyMap<number, Outcome>>;
}

/** A log that answers when it is told to. */
class Broker {
  readonly sends: Sent[] = [];
  private readonly ends = [0, 0, 0];

  readonly send: Send = async (batches) => {
    const answer = Promise.withResolvers<ReadonlyMap<number, Outcome>>();
    this.sends.push({ texts: [...batches.values()].flat().map(({ value }) => Buffer.from(value).toString()), answer });
    const refused = await answer.promise;
    return new Map([...batches].map(([partition, { length }]) => [partition, refused.get(partition) ?? this.append(partition, length)]));
  };

  private append(partition: number, count: number): Outcome {
    const base = this.ends[partition] as number;
    this.ends[partition] = base + count;
    return { base };
  }

  /** Answers everything from now on. */
  async answerAll(): Promise<void> {
    for (let i = 0; i < this.sends.length; i++) {
      this.sends[i]?.answer.resolve(NONE);
      await turn();
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const TIMES = { now: () => 0, sleep: () => Promise.resolve() };

function appenderOn(broker: Broker, options: Partial<AppenderOptions> = {}): Appender {
  return new Appender({ partitions: 3, topicBytesMax: 1_000_000, clock: TIMES, send: broker.send, ...options });
}

describe('Appender', () => {
  it('sends one append at once, and what comes meanwhile with the next', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker);
    const calls = [appender.append([draft(0, 'a')])];
    await turn();
    for (const text of ['b', 'c', 'd']) calls.push(appender.append([draft(0, text)]));
    await turn();
    expect(broker.sends.map(({ texts }) => texts)).toEqual([['a']]);
    await broker.answerAll();
    expect(broker.sends.map(({ texts }) => texts)).toEqual([['a'], ['b', 'c', 'd']]);
    expect((await Promise.all(calls)).flat().map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
  });

  it('has two sends in flight at most, and a partition in one of them', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker);
    const calls: Promise<unknown>[] = [];
    for (const [partition, text] of [[0, 'a'], [0, 'b'], [1, 'c'], [2, 'd']] as const) {
      calls.push(appender.append([draft(partition, text)]));
      await turn();
    }
    expect(broker.sends.map(({ texts }) => texts)).toEqual([['a'], ['c']]);
    await broker.answerAll();
    await Promise.all(calls);
    expect(broker.sends.map(({ texts }) => texts)).toEqual([['a'], ['c'], ['b', 'd']]);
  });

  it('acknowledges a call when its last part is durable, in the order given', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker, { batchBytesMax: 100 });
    let isDone = false;
    const call = appender.append(['a', 'b', 'c', 'd', 'e'].map((text) => draft(1, text))).finally(() => (isDone = true));
    await turn();
    broker.sends[0]?.answer.resolve(NONE);
    await turn();
    expect([broker.sends.length, isDone]).toEqual([2, false]);
    await broker.answerAll();
    expect((await call).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
  });

  it('does not send again after a failure that leaves open whether it was appended, and fails what waits behind it', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker);
    const first = appender.append([draft(0, 'a')]);
    await turn();
    const behind = appender.append([draft(0, 'b')]);
    const outcomes = Promise.allSettled([first, behind]);
    broker.sends[0]?.answer.resolve(new Map([[0, { error: new RangeError('lost'), isUnsent: false }]]));
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(broker.sends).toHaveLength(1);
    const next = appender.append([draft(0, 'c')]);
    await turn();
    await broker.answerAll();
    expect((await next)[0]).toEqual({ partition: 0, offset: 0 });
  });

  it('sends again only what is certain not to have been appended, and acknowledges the rest at once', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker);
    const calls = [appender.append([draft(0, 'a')]), appender.append([draft(1, 'b')]), appender.append([draft(0, 'c'), draft(1, 'd')])];
    await turn();
    broker.sends[0]?.answer.resolve(new Map([[1, { error: new RangeError('no leader'), isUnsent: true }]]));
    expect(await calls[0]).toEqual([{ partition: 0, offset: 0 }]);
    await broker.answerAll();
    expect((await Promise.all(calls)).flat().map(({ partition, offset }) => `${partition}:${offset}`)).toEqual(['0:0', '1:0', '0:1', '1:1']);
    expect(broker.sends.map(({ texts }) => texts)).toEqual([['a', 'c', 'b', 'd'], ['b', 'd']]);
  });

  it('refuses calls while too much is waiting, and says that it may pass', async () => {
    const broker = new Broker();
    const appender = appenderOn(broker, { topicBytesMax: 100_000_000 });
    const large = { partition: 0, key: 'k', value: new Uint8Array(70_000_000) };
    const calls = [appender.append([draft(0, 'a')])];
    await turn();
    calls.push(appender.append([large]));
    expect(() => appender.append([draft(1, 'b')])).toThrow(expect.objectContaining({ code: 'log_unavailable', retryable: true }) as Error);
    await broker.answerAll();
    await Promise.all(calls);
    await appender.idle();
  });
});
