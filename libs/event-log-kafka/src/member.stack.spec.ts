/** A member of a group against a real broker: handing over, the fence, heartbeats, back-pressure. What ends one: `guards.stack.spec.ts`. */
import { draft } from '@meridian/event-log/contract';
import { clock, DEADLINE_MS, eventually, FaultyNetwork, FETCH, QUICK, Reading, TestTopic } from './harness';

jest.setTimeout(2 * DEADLINE_MS);

let test: TestTopic;
afterEach(async () => {
  await (test as TestTopic | undefined)?.dispose();
  test = undefined as unknown as TestTopic;
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

  it('keeps a member in the group while a flush takes longer than a session (heartbeats go on)', async () => {
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

  it('drops a batch that was fetched for a generation that is over, before it is taken in (the generation fence)', async () => {
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

  it('fetches one batch ahead and no more while a member is slow (back-pressure)', async () => {
    const network = new FaultyNetwork();
    test = await TestTopic.create(1);
    const writer = await test.open();
    const value = new Uint8Array(500_000);
    await writer.append(Array.from({ length: 40 }, () => ({ partition: 0, key: 'k', value })));
    const gate = Promise.withResolvers<undefined>();
    const member = new Reading();
    member.hold = () => gate.promise.then(() => undefined);
    await (await test.open({ connect: network.connect })).join(member);
    await eventually(() => expect(network.count(FETCH)).toBe(2));
    await clock.sleep(1_500);
    expect(network.count(FETCH)).toBe(2);
    expect(network.bytesRead).toBeLessThan(3 * 1024 * 1024);
    gate.resolve(undefined);
    await eventually(() => expect(member.texts).toHaveLength(40));
    expect(member.failure).toBeUndefined();
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

