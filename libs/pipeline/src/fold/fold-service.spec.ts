import { createHash } from 'node:crypto';
import type { Hash, LogId } from '@meridian/accounting';
import { EventLogError, MemoryEventLog } from '@meridian/event-log';
import { MemoryLedger } from '@meridian/ledger';
import { segmentsWrittenBy } from '../cut/allocate';
import { FOLD_DEFAULTS } from './fold';
import { FoldService } from './fold-service';
import { silentProbe, type Probe } from '../probe';
import { registerLogs } from '../cut/registry';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const clock = { now: () => Date.UTC(2026, 4, 5, 10), sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };

/** A service of one region over two logs, and the alarms it raises. */
class Folding {
  readonly ledger = new MemoryLedger();
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 2 }, clock });
  readonly alarms: string[] = [];

  async service(): Promise<FoldService> {
    const control = new MemoryLedger();
    const logs = await registerLogs(control, 'east', this.log, clock);
    const probe: Probe = { ...silentProbe, alarm: ({ code, log }) => this.alarms.push(`${code} ${log}`) };
    const signal = new AbortController().signal;
    const parts = { log: this.log, ledger: this.ledger, hash, clock, probe, logs, random: { next: () => 0.5 }, signal };
    return new FoldService({ ...parts, openStream: () => Promise.resolve(), segmentsOf: (log) => segmentsWrittenBy(control, 'east', log) }, { ...FOLD_DEFAULTS, flushIdleMs: 0 });
  }
}

describe('the fold service', () => {
  it('stops a log whose records it does not know the rules of, tells, and folds the others', async () => {
    const folding = new Folding();
    const newer = new TextEncoder().encode(JSON.stringify({ rules: 99 }));
    const broken = new TextEncoder().encode('not JSON');
    await folding.log.append([{ partition: 0, key: 'k', value: newer }, { partition: 1, key: 'k', value: broken }]);
    const service = await folding.service();
    await service.start(folding.log);
    while (![...folding.ledger.all()].some(({ pk }) => pk.startsWith('M#'))) {
      service.sampled({ sampledAt: clock.now(), ends: { ['east.0.1' as LogId]: 1 } });
      await clock.sleep();
    }
    await service.close();
    expect(folding.alarms).toEqual(['log_unknown_rules east.0.0']);
    expect([...folding.ledger.all()].map(({ pk }) => pk.split('#').slice(0, 2).join('#'))).toEqual(['A#east.00000.00001~00000', 'Q#east.00000.00001', 'M#east.00000.00001~00000']);
  });

  it('asks again when a log gives nothing just now of what was folded, as a broker that throttles does', async () => {
    const folding = new Folding();
    const broken = new TextEncoder().encode('not JSON');
    await folding.log.append([{ partition: 0, key: 'k', value: broken }, { partition: 1, key: 'k', value: broken }]);
    const first = await folding.service();
    await first.assigned([0]);
    await first.records(0, await folding.log.read(0, 0, 1));
    await first.close();
    const read = folding.log.read.bind(folding.log);
    let refusals = 0;
    folding.log.read = (partition, offset, limit) => (refusals++ < 2 ? Promise.resolve([]) : read(partition, offset, limit));
    const second = await folding.service();
    expect(await second.assigned([0])).toEqual(new Map([[0, 1]]));
    expect([refusals, folding.alarms]).toEqual([3, []]);
  });

  it('says whether any log has moved since it was last asked', async () => {
    const folding = new Folding();
    const service = await folding.service();
    expect([await service.measure(), await service.measure()]).toEqual([true, false]);
    await folding.log.append([{ partition: 1, key: 'k', value: Uint8Array.of(1) }]);
    expect([await service.measure(), await service.measure()]).toEqual([true, false]);
  });

  const failures: readonly (readonly [string, Error, readonly string[]])[] = [
    ['what became of the topic, for every log it was folding', new EventLogError('log_missing', 'gone'), ['log_missing east.0.0', 'log_missing east.0.1']],
    ['what became of the one log that it is about', new EventLogError('log_rewound', 'back', { partition: 1 }), ['log_rewound east.0.1']],
    ['anything else as the failure of the fold', new RangeError('a defect'), ['fold_failed east.0.0', 'fold_failed east.0.1']],
  ];
  it.each(failures)('ends with the reason when it is put out of its group, and tells %s', async (_, error, expected) => {
    const folding = new Folding();
    const service = await folding.service();
    await service.assigned([0, 1]);
    service.failed(error);
    await expect(service.run()).rejects.toBe(error);
    expect(folding.alarms).toEqual(expected);
  });
});
