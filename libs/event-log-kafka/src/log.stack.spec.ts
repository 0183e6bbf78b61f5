/** The log against a real broker: the contract, and what only a broker and a network can do to it. */
import type { Assignee, EventLog, LogRecord } from '@meridian/event-log';
import { draft, eventLogContract, textOf } from '@meridian/event-log/contract';
import { ConfigResourceTypes } from 'kafkajs';
import { clock, FaultyNetwork, FETCH, PRODUCE, QUICK, TestTopic } from './harness';

const DEADLINE_MS = 20_000;
jest.setTimeout(2 * DEADLINE_MS);

eventLogContract('Kafka', {
  // A leader's epoch goes up with an election, not with a new connection to it: nothing to see by opening again.
  offers: { reopen: false, trim: true },
  deadlineMs: DEADLINE_MS,
  quietMs: 1_000,
  open: async (partitions) => {
    const test = await TestTopic.create(partitions);
    return {
      log: await test.open(),
      trim: (partition, start) => test.trim(partition, start),
      dispose: () => test.dispose(),
    };
  },
});

let test: TestTopic;
afterEach(async () => {
  await (test as TestTopic | undefined)?.dispose();
  test = undefined as unknown as TestTopic;
});

/** Takes in everything from offset 0 on. */
class Reading implements Assignee {
  readonly texts: string[] = [];
  failure: Error | undefined;
  held: readonly number[] = [];
  /** Of each batch, before it is taken in. */
  hold: () => Promise<void> = () => Promise.resolve();
  private readonly next = new Map<number, number>();

  async assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    this.held = partitions;
    return new Map(partitions.map((partition) => [partition, this.next.get(partition) ?? 0]));
  }

  async revoked(): Promise<void> {
    this.held = [];
  }

  async records(partition: number, records: readonly LogRecord[]): Promise<void> {
    await this.hold();
    for (const record of records) {
      this.texts.push(textOf(record));
      this.next.set(partition, record.offset + 1);
    }
  }

  failed(error: Error): void {
    this.failure = error;
  }
}

async function eventually(condition: () => void): Promise<void> {
  for (const until = Date.now() + DEADLINE_MS; ; ) {
    try {
      condition();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await clock.sleep(20);
  }
}

async function readAll(log: EventLog, partition: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const end = (await log.extents())[partition]!.end;
  while (records.length < end) records.push(...(await log.read(partition, records.length, 1_000)));
  return records;
}

describe('opening', () => {
  it('refuses a topic that does not exist, and does not create it', async () => {
    test = await TestTopic.create(1);
    await expect(test.open({ topic: `${test.topic}-not` })).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('meridian topics create') as string });
    expect(await test.admin((admin) => admin.listTopics())).not.toContain(`${test.topic}-not`);
  });

  it("refuses a topic whose record time is the publisher's", async () => {
    test = await TestTopic.create(1);
    await test.admin((admin) =>
      admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: test.topic, configEntries: [{ name: 'message.timestamp.type', value: 'CreateTime' }] }] }),
    );
    await expect(test.open()).rejects.toMatchObject({ code: 'log_invalid', message: expect.stringContaining('message.timestamp.type') as string });
  });

  it('is unavailable, in bounded time, when no broker answers', async () => {
    test = await TestTopic.create(1);
    const began = Date.now();
    await expect(test.open({ brokers: ['127.0.0.1:9'] })).rejects.toMatchObject({ code: 'log_unavailable', retryable: true });
    expect(Date.now() - began).toBeLessThan(15_000);
  });
});

describe('appending', () => {
  it('groups concurrent appends into few sends', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(3);
    const log = await test.open({ connect: network.connect });
    await log.append([draft(0, 'first')]);
    network.requests.length = 0;
    const calls = Array.from({ length: 2_000 }, (_, i) => log.append([draft(i % 3, String(i))]));
    const positions = (await Promise.all(calls)).flat();
    expect(new Set(positions.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(2_000);
    expect(network.requests.filter((request) => request === PRODUCE).length).toBeLessThan(5);
  });

  it('keeps the order of a call that is larger than a batch', async () => {
    test = await TestTopic.create(2);
    const log = await test.open({ batchBytesMax: 2_000 });
    const texts = Array.from({ length: 500 }, (_, i) => `record ${i}`);
    const positions = await log.append(texts.map((text) => draft(1, text)));
    expect(positions.map(({ offset }) => offset)).toEqual(texts.map((_, i) => i));
    expect((await readAll(log, 1)).map(textOf)).toEqual(texts);
  });

  it('compresses when told to, and reads what it has compressed', async () => {
    test = await TestTopic.create(1);
    const log = await test.open({ gzip: true });
    const texts = Array.from({ length: 200 }, (_, i) => `${i}:${'meridian '.repeat(50)}`);
    await log.append(texts.map((text) => draft(0, text)));
    expect((await readAll(log, 0)).map(textOf)).toEqual(texts);
    expect((await log.read(0, 150, 1)).map(({ offset }) => offset)).toEqual([150]);
  });

  it('refuses a record larger than the topic takes, and appends nothing of that call', async () => {
    test = await TestTopic.create(1);
    const log = await test.open();
    await expect(log.append([draft(0, 'a'), { partition: 0, key: 'k', value: new Uint8Array(1_100_000) }])).rejects.toMatchObject({ code: 'log_invalid' });
    expect((await log.extents())[0]?.end).toBe(0);
  });

  it('rejects an append whose connection is lost before the answer, and acknowledges nothing twice', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(2);
    const log = await test.open({ connect: network.connect });
    const acknowledged = new Map<string, string>();
    const append = async (text: string): Promise<boolean> => {
      try {
        const [position] = await log.append([draft(text.length % 2, text)]);
        const place = `${position!.partition}:${position!.offset}`;
        expect(acknowledged.has(place)).toBe(false);
        acknowledged.set(place, text);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'log_unavailable', retryable: true });
        return false;
      }
    };
    expect(await append('before')).toBe(true);
    let losses = 0;
    network.fault = (request) => (request === PRODUCE && losses++ < 3 ? 'lose' : undefined);
    const answers: boolean[] = [];
    for (let i = 0; i < 20; i++) answers.push(...(await Promise.all([append(`x${i}`), append(`yy${i}`)])));
    expect(losses).toBeGreaterThanOrEqual(3);
    expect(answers.filter((isAcknowledged) => !isAcknowledged).length).toBeGreaterThanOrEqual(3);
    expect(answers.at(-1)).toBe(true);
    const found = (await Promise.all([0, 1].map((partition) => readAll(log, partition)))).flat();
    for (const [place, text] of acknowledged) {
      expect(found.filter((record) => `${record.partition}:${record.offset}` === place).map(textOf)).toEqual([text]);
    }
    const texts = found.map(textOf);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('refuses in bounded time when the broker goes silent, and goes on over a new connection', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    const log = await test.open({ connect: network.connect, appendDeadlineMs: 1_500 });
    await log.append([draft(0, 'a')]);
    let silences = 0;
    network.fault = (request) => (request === PRODUCE && silences++ === 0 ? 'silence' : undefined);
    const began = Date.now();
    await expect(log.append([draft(0, 'b')])).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(Date.now() - began).toBeLessThan(4_000);
    await expect(log.append([draft(0, 'c')])).resolves.toHaveLength(1);
  });
});

describe('a group of consumers', () => {
  it('hands partitions over between two members without losing or repeating what was taken in', async () => {
    test = await TestTopic.create(4);
    const [log, other] = [await test.open(), await test.open()];
    const first = new Reading();
    const membership = await log.join(first);
    const texts = Array.from({ length: 400 }, (_, i) => String(i));
    await log.append(texts.slice(0, 200).map((text, i) => draft(i % 4, text)));
    await eventually(() => expect(first.texts).toHaveLength(200));
    const second = new Reading();
    await other.join(second);
    await eventually(() => {
      expect([...first.held, ...second.held].sort()).toEqual([0, 1, 2, 3]);
      expect([first.held.length, second.held.length]).toEqual([2, 2]);
    });
    await log.append(texts.slice(200).map((text, i) => draft(i % 4, text)));
    await eventually(() => expect(new Set([...first.texts, ...second.texts]).size).toBe(400));
    await membership.close();
    await eventually(() => expect([...second.held].sort()).toEqual([0, 1, 2, 3]));
    await eventually(() => expect(new Set(second.texts).size).toBe(400));
    expect([first.failure, second.failure]).toEqual([undefined, undefined]);
  });

  it('gives the partitions of a member that died without leaving to the others', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(2);
    const log = await test.open();
    const dead = new Reading();
    await (await test.open({ connect: network.connect, heartbeatMs: 100 })).join(dead);
    await eventually(() => expect(dead.held).toHaveLength(2));
    network.fault = () => 'refuse';
    const alive = new Reading();
    await log.join(alive);
    await eventually(() => expect([...alive.held].sort()).toEqual([0, 1]));
    // It is told, too: what it holds is someone else's.
    await eventually(() => expect(dead.held).toEqual([]));
    network.fault = () => undefined;
  });

  it('keeps a member in the group while it is busy for longer than a session', async () => {
    test = await TestTopic.create(1);
    const log = await test.open();
    const member = new Reading();
    member.hold = () => clock.sleep(QUICK.sessionTimeoutMs + 1_000);
    await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    const revoked = jest.spyOn(member, 'revoked');
    await log.append([draft(0, 'slow')]);
    await eventually(() => expect([member.texts, member.failure]).toEqual([['slow'], undefined]));
    expect(revoked).not.toHaveBeenCalled();
  });

  it('drops a batch that was fetched for a generation that is over', async () => {
    test = await TestTopic.create(1);
    const log = await test.open();
    const gate = Promise.withResolvers<undefined>();
    const member = new Reading();
    member.hold = () => gate.promise.then(() => undefined);
    const membership = await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    const records = jest.spyOn(member, 'records');
    await log.append([draft(0, 'taken in')]);
    await eventually(() => expect(records).toHaveBeenCalledTimes(1));
    await log.append([draft(0, 'fetched ahead')]);
    await clock.sleep(500);
    const closed = membership.close();
    gate.resolve(undefined);
    await closed;
    expect(member.texts).toEqual(['taken in']);
  });

  it('tells a member with the reason when it cannot be in the group any more (a crash of the client)', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    const log = await test.open({ connect: network.connect, joinDeadlineMs: 1_000, sessionTimeoutMs: 6_000 });
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    network.fault = () => 'lose';
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_unavailable', message: expect.stringContaining('joining group') as string }));
    network.fault = () => undefined;
  });

  it('reads on over a new connection when fetches are not answered any more (the progress watchdog)', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    // The client itself would wait for a minute.
    const log = await test.open({ connect: network.connect, requestTimeoutMs: 60_000, fetchWaitMs: 500, watchMs: 200, stallMs: 1_000 });
    const member = new Reading();
    await log.join(member);
    await log.append([draft(0, 'a')]);
    await eventually(() => expect(member.texts).toEqual(['a']));
    let silences = 0;
    network.fault = (request) => (request === FETCH && silences++ === 0 ? 'silence' : undefined);
    await eventually(() => expect(silences).toBeGreaterThan(0));
    const writer = await test.open();
    await writer.append([draft(0, 'b')]);
    await eventually(() => expect(member.texts).toEqual(['a', 'b']));
    expect(member.failure).toBeUndefined();
  });

  it('fails a member when the topic has got more partitions than were opened', async () => {
    test = await TestTopic.create(1);
    const log = await test.open({ watchMs: 200 });
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    await test.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic: test.topic, count: 2 }] }));
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_invalid', message: expect.stringContaining('2 partitions') as string }));
  });

  it('leaves no sockets behind when it is closed', async () => {
    test = await TestTopic.create(3);
    const log = await test.open();
    const member = new Reading();
    await log.join(member);
    await log.append([draft(0, 'a')]);
    await eventually(() => expect(member.texts).toEqual(['a']));
    await log.close();
    await eventually(() => expect(process.getActiveResourcesInfo().filter((resource) => resource.startsWith('TCP'))).toEqual([]));
  });
});

