import { eventLogContract } from './contract';
import { MemoryEventLog } from './memory';

eventLogContract('memory', {
  offers: { reopen: false, trim: true },
  open: async (partitions) => {
    let time = 0;
    const clock = { now: () => time, sleep: () => Promise.resolve() };
    const log = new MemoryEventLog({ incarnation: { cluster: 'memory', topic: 'events', partitions }, clock });
    return {
      log,
      setTime: (ms) => void (time = ms),
      trim: async (partition, start) => log.trim(partition, start),
      dispose: () => log.close(),
    };
  },
});

describe('MemoryEventLog', () => {
  it('stamps what is appended after a change of leader with a higher epoch', async () => {
    const log = new MemoryEventLog({ incarnation: { cluster: 'memory', topic: 'events', partitions: 1 }, clock: { now: () => 0, sleep: () => Promise.resolve() } });
    await log.append([{ partition: 0, key: 'k', value: Uint8Array.of(1) }]);
    log.raiseEpoch();
    await log.append([{ partition: 0, key: 'k', value: Uint8Array.of(2) }]);
    expect((await log.read(0, 0, 10)).map(({ epoch }) => epoch)).toEqual([0, 1]);
  });
});
