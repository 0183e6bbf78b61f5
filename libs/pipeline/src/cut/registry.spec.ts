import type { EventLog } from '@meridian/event-log';
import { MemoryLedger } from '@meridian/ledger';
import { renewRegion, retireRegion } from './handover';
import { listLogs, registerLogs, renewLineage } from './registry';

const clock = { now: () => 1_000, sleep: () => Promise.resolve() };
const by = { by: 'operator', reason: 'why', clock };

/** A topic whose partitions begin at these offsets. */
function topicOf(starts: readonly number[], topic = 'usage'): Pick<EventLog, 'describe' | 'extents'> {
  return {
    describe: () => Promise.resolve({ cluster: 'c', topic, partitions: starts.length }),
    extents: () => Promise.resolve(starts.map((start) => ({ start, end: start + 10 }))),
  };
}

describe('the registry of logs', () => {
  let control: MemoryLedger;
  beforeEach(() => (control = new MemoryLedger()));

  const start = (starts: readonly number[], topic?: string): Promise<string[]> => registerLogs(control, 'eu', topicOf(starts, topic), clock);
  const parts = (): Parameters<typeof renewRegion>[0] => ({ ledger: new MemoryLedger(), control, region: 'eu' });
  const renew = (): ReturnType<typeof renewRegion> => renewRegion(parts(), { region: 'eu', ...by });
  /** Every log with where it begins, and up to where it counts when it is given up. */
  const registry = async (): Promise<string[]> => (await listLogs(control)).map(({ log, start: from, retired }) => `${log} ${from}${retired ? ` to ${retired.offset}` : ''}`);

  it('begins with each partition where the topic has it at its registration, and stays with that', async () => {
    expect(await start([0, 40])).toEqual(['eu.0.0', 'eu.0.1']);
    expect(await start([7, 50, 3])).toEqual(['eu.0.0', 'eu.0.1', 'eu.0.2']);
    expect(await registry()).toEqual(['eu.0.0 0', 'eu.0.1 40', 'eu.0.2 3']);
  });

  it('does not ask a topic for its offsets when there is nothing to register', async () => {
    await start([0]);
    const extents = jest.fn<ReturnType<EventLog['extents']>, []>().mockRejectedValue(new RangeError('not asked for'));
    await expect(registerLogs(control, 'eu', { ...topicOf([0]), extents }, clock)).resolves.toEqual(['eu.0.0']);
  });

  it('gives a lineage up for the next one when a service starts, and not before, however many do', async () => {
    await start([0, 0]);
    expect(await renew()).toMatchObject({ lineage: 0, offsets: { 'eu.0.0': 0, 'eu.0.1': 0 } });
    expect(await registry()).toEqual(['eu.0.0 0', 'eu.0.1 0']);
    const starts = await Promise.all([start([5, 6, 0]), start([5, 6, 0]), start([5, 6, 0])]);
    expect(new Set(starts.flat())).toEqual(new Set(['eu.1.0', 'eu.1.1', 'eu.1.2']));
    expect(await registry()).toEqual(['eu.0.0 0 to 0', 'eu.0.1 0 to 0', 'eu.1.0 5', 'eu.1.1 6', 'eu.1.2 0']);
    expect(await start([9, 9, 9])).toEqual(['eu.1.0', 'eu.1.1', 'eu.1.2']);
  });

  it('does what was decided once, however often it is asked for before it is done; asked for afterwards, it is another decision', async () => {
    await start([0]);
    const decision = await renew();
    expect(await renewRegion(parts(), { region: 'eu', ...by, reason: 'again' })).toEqual(decision);
    expect(await renewLineage(control, { ...decision, reason: 'at the same time' })).toEqual(decision);
    await start([5]);
    expect(await renew()).toMatchObject({ lineage: 1, offsets: { 'eu.1.0': 5 } });
    expect(await start([6])).toEqual(['eu.2.0']);
    expect(await registry()).toEqual(['eu.0.0 0 to 0', 'eu.1.0 5 to 5', 'eu.2.0 6']);
  });

  it('goes on where a start was killed: half of the logs registered, or none of the old ones retired', async () => {
    await start([0, 0]);
    await renew();
    for (let writes = 0; writes < 4; writes++) {
      let left = 1;
      const dying = new Proxy(control, {
        get: (target, name: keyof MemoryLedger) => (name === 'insert' ? (row: never) => (left-- > 0 ? target.insert(row) : Promise.reject(new RangeError('killed'))) : (target[name] as () => void).bind(target)),
      });
      await registerLogs(dying, 'eu', topicOf([5, 6]), clock).catch(() => undefined);
    }
    expect(await registry()).toEqual(['eu.0.0 0 to 0', 'eu.0.1 0 to 0', 'eu.1.0 5', 'eu.1.1 6']);
  });

  it('retires a partition that was added after the decision, too', async () => {
    await start([0]);
    await renew();
    await control.insert({ pk: 'LOG', sk: 'eu.00000.00001', value: Buffer.from(JSON.stringify({ log: 'eu.0.1', region: 'eu', cluster: 'c', topic: 'usage', partition: 1, lineage: 0, start: 2, registeredAt: 0 })) });
    await start([5, 6]);
    expect(await registry()).toEqual(['eu.0.0 0 to 0', 'eu.0.1 2 to 2', 'eu.1.0 5', 'eu.1.1 6']);
  });

  it('starts nobody on logs that were given up for good, until somebody decides otherwise', async () => {
    await start([0]);
    await retireRegion(parts(), { region: 'eu', ...by });
    await expect(start([5])).rejects.toMatchObject({ code: 'log_retired', message: expect.stringContaining('new-lineage --region eu') as string });
    expect(await renew()).toMatchObject({ lineage: 0, offsets: { 'eu.0.0': 0 } });
    expect(await start([5])).toEqual(['eu.1.0']);
    await retireRegion(parts(), { region: 'eu', ...by });
    await expect(start([5])).rejects.toMatchObject({ code: 'log_retired' });
  });

  it('has other logs for another topic, whatever was decided about the one before', async () => {
    await start([0]);
    await renew();
    expect(await start([0], 'other')).toEqual(['eu.1.0']);
    expect(await registry()).toEqual(['eu.0.0 0', 'eu.1.0 0']);
    expect(await start([5])).toEqual(['eu.2.0']);
    expect(await registry()).toEqual(['eu.0.0 0 to 0', 'eu.1.0 0', 'eu.2.0 5']);
  });

  it('knows nothing of a region that never had a log', async () => {
    await expect(renew()).rejects.toMatchObject({ code: 'unknown_log' });
  });
});
