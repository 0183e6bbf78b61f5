import { EventLogError } from './errors';
import type { Assignee, LogRecord } from './event-log';
import { MemoryEventLog } from './memory';

const clock = { now: () => 0, sleep: () => Promise.resolve() };
const newLog = (partitions: number): MemoryEventLog => new MemoryEventLog({ incarnation: { cluster: 'c', topic: 't', partitions }, clock });
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Cannot be read while it is down. */
class FailingLog extends MemoryEventLog {
  isDown = false;

  override async read(...range: Parameters<MemoryEventLog['read']>): Promise<readonly LogRecord[]> {
    if (this.isDown) throw new EventLogError('log_unavailable', 'down');
    return super.read(...range);
  }
}

/** Writes down what it is called with. */
function member(name: string, calls: string[], overrides: Partial<Assignee> = {}): Assignee {
  return {
    assigned: async (partitions) => {
      calls.push(`${name} assigned ${partitions.join()}`);
      return new Map(partitions.map((partition) => [partition, 0]));
    },
    revoked: async (partitions) => void calls.push(`${name} revoked ${partitions.join()}`),
    records: async (partition, records) => void calls.push(`${name} records ${partition} ${records.length}`),
    failed: (error) => void calls.push(`${name} failed ${error.message}`),
    ...overrides,
  };
}

describe('a group of consumers in one process', () => {
  it('moves only the partitions that change hands', async () => {
    const log = newLog(4);
    const calls: string[] = [];
    await log.join(member('first', calls));
    await turns();
    const membership = await log.join(member('second', calls));
    await turns();
    await membership.close();
    await turns();
    expect(calls).toEqual([
      'first assigned 0,1,2,3', 'first revoked 1,3', 'second assigned 1,3', 'second revoked 1,3', 'first assigned 1,3',
    ]);
  });

  it('assigns a partition only when the `records` of its holder has settled', async () => {
    const log = newLog(2);
    const calls: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    await log.append([{ partition: 1, key: 'k', value: Uint8Array.of(1) }]);
    await log.join(member('first', calls, { records: () => gate.promise }));
    await turns();
    await log.join(member('second', calls));
    await turns();
    expect(calls).toEqual(['first assigned 0,1', 'first revoked 1']);
    gate.resolve(undefined);
    await turns();
    expect(calls.slice(2)).toEqual(['second assigned 1', 'second records 1 1']);
  });

  it('leaves members without partitions when there are more members', async () => {
    const log = newLog(1);
    const calls: string[] = [];
    for (const name of ['first', 'second', 'third']) await log.join(member(name, calls));
    await turns();
    expect(calls).toEqual(['first assigned 0']);
  });

  it('fails a member that gives no start offset, and one whose `revoked` rejects', async () => {
    const log = newLog(2);
    const calls: string[] = [];
    await log.join(member('none', calls, { assigned: async () => new Map() }));
    await turns();
    await log.join(member('rejecting', calls, { revoked: () => Promise.reject(new RangeError('cannot let go')) }));
    await turns();
    await log.join(member('last', calls));
    await turns();
    expect(calls).toEqual(['none failed no start offset was given for partition 0', 'rejecting assigned 0,1', 'rejecting failed cannot let go', 'last assigned 0,1']);
  });

  it('goes on with a member when the log can be read again after an outage', async () => {
    const log = new FailingLog({ incarnation: { cluster: 'c', topic: 't', partitions: 1 }, clock });
    const calls: string[] = [];
    await log.join(member('first', calls));
    await turns();
    log.isDown = true;
    await log.append([{ partition: 0, key: 'k', value: Uint8Array.of(1) }]);
    await turns();
    log.isDown = false;
    await log.append([{ partition: 0, key: 'k', value: Uint8Array.of(2) }]);
    await turns();
    expect(calls).toEqual(['first assigned 0', 'first records 0 2']);
  });
});
