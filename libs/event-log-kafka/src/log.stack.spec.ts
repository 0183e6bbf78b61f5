/** The log against a real broker: the contract, opening, and appending over a network that fails. Groups: `member.stack.spec.ts`. */
import { draft, eventLogContract, textOf } from '@meridian/event-log/contract';
import { ConfigResourceTypes } from 'kafkajs';
import { DEADLINE_MS, FaultyNetwork, PRODUCE, readAll, TestTopic } from './harness';

jest.setTimeout(2 * DEADLINE_MS);

eventLogContract('kafka', {
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

describe('opening', () => {
  it('refuses a topic that does not exist, and does not create it', async () => {
    test = await TestTopic.create(1);
    await expect(test.open({ topic: `${test.topic}-not` })).rejects.toMatchObject({ code: 'log_missing', message: expect.stringContaining('meridian topics create') as string });
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

  it.each([false, true])('stores compressed batches when told to (gzip: %s), and reads them back', async (gzip) => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    const log = await test.open({ gzip });
    const texts = Array.from({ length: 200 }, (_, i) => `${i}:${'meridian '.repeat(50)}`);
    await log.append(texts.map((text) => draft(0, text)));
    const reader = await test.open({ connect: network.connect });
    const before = network.bytesRead;
    expect((await readAll(reader, 0)).map(textOf)).toEqual(texts);
    // The broker answers batches as they are stored.
    const isSmall = network.bytesRead - before < texts.join('').length / 10;
    expect(isSmall).toBe(gzip);
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
