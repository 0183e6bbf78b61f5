/**
 * The part of the contract about groups of consumers. A member that records its calls and checks on each the promises
 * that hold whatever the adapter; the behaviours then say what must come about.
 */
import { draft, textOf, type Behaviour, type Patience } from './contract';
import type { Assignee, EventLog, LogRecord, Membership } from './event-log';

/** Where the next assignment starts, shared by the members of a group, as manifests are. */
type Progress = Map<number, number>;

class Recorder implements Assignee {
  readonly held = new Set<number>();
  readonly seen: string[] = [];
  /** Promises of the port that were broken. */
  readonly violations: string[] = [];
  failure: Error | undefined;
  /** Awaited before a batch is taken in. */
  hold: (partition: number) => Promise<void> = () => Promise.resolve();
  /** Called by `revoked`. */
  released: () => void = () => undefined;
  readonly busy = new Set<number>();

  constructor(private readonly progress: Progress) {}

  async assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    this.check(this.failure === undefined, 'assigned after failed');
    for (const partition of partitions) {
      this.check(!this.held.has(partition), `assigned ${partition}, which it has`);
      this.held.add(partition);
    }
    return new Map(partitions.map((partition) => [partition, this.progress.get(partition) ?? 0]));
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.check(this.failure === undefined, 'revoked after failed');
    for (const partition of partitions) {
      this.check(this.held.delete(partition), `revoked ${partition}, which it has not`);
    }
    this.released();
  }

  async records(partition: number, records: readonly LogRecord[]): Promise<void> {
    this.check(this.failure === undefined, 'records after failed');
    this.check(this.held.has(partition), `records of ${partition}, which it has not`);
    this.check(!this.busy.has(partition), `records of ${partition} overlap`);
    this.check(records.length > 0, 'an empty batch');
    this.busy.add(partition);
    try {
      await this.hold(partition);
      for (const record of records) {
        // Another member may have moved the shared progress on, never back: a gap shows as an offset beyond it.
        this.check(record.offset <= (this.progress.get(partition) ?? 0), `gap before ${partition}:${record.offset}`);
        this.progress.set(partition, Math.max(this.progress.get(partition) ?? 0, record.offset + 1));
        this.seen.push(textOf(record));
      }
    } finally {
      this.busy.delete(partition);
    }
  }

  failed(error: Error): void {
    this.check(this.failure === undefined, 'failed twice');
    this.failure = error;
    this.held.clear();
  }

  private check(isKept: boolean, promise: string): void {
    if (!isKept) this.violations.push(promise);
  }
}

/** A group of recorders on one log, and what they have been through. */
class Group {
  readonly progress: Progress = new Map();
  readonly members: Recorder[] = [];

  constructor(readonly log: EventLog) {}

  async join(prepare: (member: Recorder) => void = () => undefined): Promise<[Recorder, Membership]> {
    const member = new Recorder(this.progress);
    prepare(member);
    this.members.push(member);
    return [member, await this.log.join(member)];
  }

  /** Every partition with exactly one of these members, and as many each as can be. */
  expectEven(...members: readonly Recorder[]): void {
    const partitions = [0, 1, 2, 3];
    expect(members.flatMap((member) => [...member.held]).sort()).toEqual(partitions);
    expect(members.map((member) => member.held.size)).toEqual(members.map(() => partitions.length / members.length));
  }

  expectSeen(...texts: readonly string[]): void {
    expect([...new Set(this.members.flatMap((member) => member.seen))].sort()).toEqual([...texts].sort());
  }
}

export function groupContract(behaviour: Behaviour, patience: Patience): void {
  const grouped = (title: string, act: (group: Group) => Promise<void>): void =>
    behaviour(title, async ({ log }) => {
      const group = new Group(log);
      await act(group);
      await log.close();
      expect(group.members.flatMap((member) => member.violations)).toEqual([]);
    }, 4);
  delivering(grouped, patience);
  sharing(grouped, patience);
  failing(grouped, patience);
}

type Grouped = (title: string, act: (group: Group) => Promise<void>) => void;

function delivering(grouped: Grouped, { eventually, quiet }: Patience): void {
  grouped('gives a sole member every partition, what is there and what comes, each record once', async (group) => {
    await group.log.append([draft(0, 'a'), draft(3, 'b')]);
    const [member] = await group.join();
    await eventually(() => group.expectSeen('a', 'b'));
    group.expectEven(member);
    await group.log.append([draft(1, 'c'), draft(3, 'd')]);
    await eventually(() => group.expectSeen('a', 'b', 'c', 'd'));
    await quiet();
    expect(member.seen).toHaveLength(4);
  });

  grouped('delivers a long backlog in order', async (group) => {
    const texts = Array.from({ length: 2_500 }, (_, i) => String(i));
    await group.log.append(texts.map((text) => draft(2, text)));
    const [member] = await group.join();
    await eventually(() => expect(member.seen).toHaveLength(texts.length));
    expect(member.seen).toEqual(texts);
  });

  grouped('starts where `assigned` says', async (group) => {
    await group.log.append(['a', 'b', 'c'].map((text) => draft(0, text)));
    group.progress.set(0, 2);
    await group.join();
    await eventually(() => group.expectSeen('c'));
    await quiet();
    group.expectSeen('c');
  });

  grouped('hands over nothing more of a partition until `records` resolves, while the others go on', async (group) => {
    const gate = Promise.withResolvers<undefined>();
    const [member] = await group.join((recorder) => {
      recorder.hold = (partition) => (partition === 0 ? gate.promise : Promise.resolve());
    });
    await group.log.append([draft(0, 'a')]);
    await group.log.append([draft(0, 'b'), draft(1, 'c')]);
    await eventually(() => expect(member.seen).toEqual(['c']));
    await quiet();
    expect(member.seen).toEqual(['c']);
    gate.resolve(undefined);
    await eventually(() => expect(member.seen).toEqual(['c', 'a', 'b']));
  });
}

function sharing(grouped: Grouped, { eventually, quiet }: Patience): void {
  grouped('shares the partitions evenly when a member joins, and loses nothing over it', async (group) => {
    const [first] = await group.join();
    await group.log.append([0, 1, 2, 3].map((partition) => draft(partition, `old ${partition}`)));
    const [second] = await group.join();
    await eventually(() => group.expectEven(first, second));
    await group.log.append([0, 1, 2, 3].map((partition) => draft(partition, `new ${partition}`)));
    await eventually(() => group.expectSeen(...[0, 1, 2, 3].flatMap((partition) => [`old ${partition}`, `new ${partition}`])));
    expect(second.seen.length).toBeGreaterThan(0);
  });

  grouped('gives the partitions of a member that leaves to those that stay', async (group) => {
    const [first] = await group.join();
    const [second, membership] = await group.join();
    await eventually(() => group.expectEven(first, second));
    await membership.close();
    await membership.close();
    expect([second.held.size, second.failure]).toEqual([0, undefined]);
    await eventually(() => group.expectEven(first));
    await group.log.append([0, 1, 2, 3].map((partition) => draft(partition, `${partition}`)));
    await eventually(() => expect([...first.seen].sort()).toEqual(['0', '1', '2', '3']));
    expect(second.seen).toEqual([]);
  });

  grouped('tells a member that leaves while it is busy with records, so that it can give them up', async (group) => {
    const gate = Promise.withResolvers<undefined>();
    const [member, membership] = await group.join((recorder) => {
      recorder.hold = () => gate.promise;
      recorder.released = () => gate.resolve(undefined);
    });
    await group.log.append([draft(2, 'a')]);
    await eventually(() => expect([...member.busy]).toEqual([2]));
    await membership.close();
    expect([member.busy.size, member.held.size, member.failure]).toEqual([0, 0, undefined]);
  });

  grouped('settles whatever the order in which members come and go', async (group) => {
    const joined = await Promise.all(Array.from({ length: 5 }, () => group.join()));
    await Promise.all(joined.slice(0, 3).map(([, membership]) => membership.close()));
    const stay = joined.slice(3).map(([member]) => member);
    await eventually(() => group.expectEven(...stay));
    await group.log.append([draft(0, 'a'), draft(1, 'b'), draft(2, 'c'), draft(3, 'd')]);
    await eventually(() => group.expectSeen('a', 'b', 'c', 'd'));
    await quiet();
    group.expectEven(...stay);
  });
}

function failing(grouped: Grouped, { eventually, quiet }: Patience): void {
  grouped('puts a member out of the group when its `records` rejects, and another takes over', async (group) => {
    const broken = new RangeError('cannot take this');
    const [first] = await group.join((member) => {
      member.hold = () => Promise.reject(broken);
    });
    const [second] = await group.join();
    await eventually(() => group.expectEven(first, second));
    await group.log.append([0, 1, 2, 3].map((partition) => draft(partition, `${partition}`)));
    await eventually(() => expect(first.failure).toBe(broken));
    await eventually(() => group.expectEven(second));
    await eventually(() => expect([...second.seen].sort()).toEqual(['0', '1', '2', '3']));
    expect(first.seen).toEqual([]);
  });

  grouped('puts a member out of the group when its `assigned` rejects', async (group) => {
    const broken = new RangeError('no manifest');
    const [first] = await group.join((member) => {
      member.assigned = () => Promise.reject(broken);
    });
    await eventually(() => expect(first.failure).toBe(broken));
    const [second] = await group.join();
    await eventually(() => group.expectEven(second));
  });

  grouped('puts a member out of the group when it asks for an offset that is not there', async (group) => {
    group.progress.set(2, 7);
    const [member] = await group.join();
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_out_of_range' }));
    await quiet();
    expect(member.seen).toEqual([]);
  });

  grouped('fails members with `log_closed` when the log is closed under them', async (group) => {
    const [member] = await group.join();
    await eventually(() => group.expectEven(member));
    await group.log.close();
    await eventually(() => expect(member.failure).toMatchObject({ code: 'log_closed' }));
  });
}
