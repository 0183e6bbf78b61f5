/** The guards against a real broker, each test named after its defect. The timer spin's is `guard.spec.ts`. */
import type { EventLog } from '@meridian/event-log';
import { draft } from '@meridian/event-log/contract';
import { TestBroker } from './broker.fixture';
import { clock, DEADLINE_MS, eventually, FaultyNetwork, FETCH, Reading, TestTopic } from './harness';
import { patiently } from './patience';

jest.setTimeout(3 * DEADLINE_MS);

let test: TestTopic;
afterEach(async () => {
  await (test as TestTopic | undefined)?.dispose();
  test = undefined as unknown as TestTopic;
});

describe('a member of a group', () => {
  it('a crash of the client: the member is told the reason when it cannot be in the group any more', async () => {
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

  it('no progress: reads on over a new connection when fetches are not answered any more', async () => {
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

  it('no progress, also over a new connection: the member fails', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    const log = await test.open({ connect: network.connect, requestTimeoutMs: 60_000, fetchWaitMs: 500, watchMs: 200, stallMs: 1_000 });
    await log.append([draft(0, 'a')]);
    network.fault = (request) => (request === FETCH ? 'silence' : undefined);
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_unavailable', message: expect.stringContaining('no progress') as string }));
    network.fault = () => undefined;
  });

  it('topic missing: the member fails when it is deleted under it', async () => {
    test = await TestTopic.create(1);
    const log = await test.open({ watchMs: 200 });
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    await test.admin((admin) => admin.deleteTopics({ topics: [test.topic] }));
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_missing', message: expect.stringMatching(/does not exist.*runbook: log_missing/) as string }));
  });

  it('partition count changed: the member fails', async () => {
    test = await TestTopic.create(1);
    const log = await test.open({ watchMs: 200 });
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.held).toEqual([0]));
    await test.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic: test.topic, count: 2 }] }));
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_repartitioned', message: expect.stringMatching(/2 partitions.*runbook: log_repartitioned/) as string }));
  });

  it('offsets out of range: the member fails when retention removes what it has not read', async () => {
    test = await TestTopic.create(1);
    const log = await test.open();
    await log.append(['a', 'b', 'c'].map((text) => draft(0, text)));
    await test.trim(0, 2);
    const member = new Reading();
    await log.join(member);
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_out_of_range', partition: 0, message: expect.stringContaining('runbook: log_out_of_range') as string }));
    expect(member.texts).toEqual([]);
  });
});

describe('a broker whose data is replaced under its clients', () => {
  let broker: TestBroker;
  beforeEach(async () => (broker = await TestBroker.start()));
  afterEach(() => broker.dispose());

  it('leader epoch gone back: the member fails when the topic is re-created and grows past its position', async () => {
    test = await TestTopic.create(1, broker);
    const network = new FaultyNetwork();
    const [log, writer] = [await test.open({ connect: network.connect, watchMs: 60_000 }), await test.open()];
    const member = new Reading();
    await log.join(member);
    await writer.append([draft(0, 'a')]);
    // A leader that was elected anew: the epoch goes up.
    await broker.restart();
    await appended(writer, 'b');
    await eventually(() => expect(member.texts).toEqual(['a', 'b']));
    expect((await writer.read(0, 1, 1))[0]?.epoch).toBeGreaterThan(0);
    // It does not look before there is something at its position.
    network.fault = (request) => (request === FETCH ? 'refuse' : undefined);
    await test.recreate();
    for (const text of ['x', 'y', 'z']) await appended(writer, text);
    network.fault = () => undefined;
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_rewound', partition: 0, message: expect.stringContaining('runbook: log_rewound') as string }));
    expect(member.texts).toEqual(['a', 'b']);
  });

  it('cluster id changed: members fail, and nothing is appended, sampled or read', async () => {
    test = await TestTopic.create(1, broker);
    const log = await test.open({ watchMs: 60_000 });
    const member = new Reading();
    await log.join(member);
    await log.append([draft(0, 'a')]);
    await eventually(() => expect(member.texts).toEqual(['a']));
    await broker.replace();
    await test.recreate();
    const replaced = { code: 'log_replaced', message: expect.stringMatching(/are of cluster .* now.*runbook: log_replaced/) as string };
    await eventually(() => expect(member.failure).toMatchObject(replaced));
    await expect(log.append([draft(0, 'b')])).rejects.toMatchObject(replaced);
    await expect(log.extents()).rejects.toMatchObject(replaced);
    await expect(log.read(0, 0, 1)).rejects.toMatchObject(replaced);
    expect((await (await test.open()).extents())[0]).toEqual({ start: 0, end: 0 });
  });
});

/** In spite of a broker that is starting. */
async function appended(log: EventLog, text: string): Promise<void> {
  await patiently({ clock, deadlineMs: DEADLINE_MS, doing: 'appending' }, () => log.append([draft(0, text)]));
}
