/** The fold service over a log in memory: what it tells of how far each of its logs is behind. */
import { createHash } from 'node:crypto';
import type { Clock, Hash, LogId } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { LedgerError, MemoryLedger, type Row } from '@meridian/ledger';
import { segmentsWrittenBy } from '../cut/allocate';
import { FOLD_DEFAULTS } from './fold';
import { FoldService } from './fold-service';
import { silentProbe, type LogLag } from '../probe';
import { registerLogs } from '../cut/registry';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
/** Quarantined, which is as good as any other for being folded. */
const ANY = new TextEncoder().encode('not JSON');
const OF_NEWER_RULES = new TextEncoder().encode('{"rules":99}');

class HandClock implements Clock {
  time = START;
  now(): number {
    return this.time;
  }
  sleep(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes nothing while it is down. */
class Replica extends MemoryLedger {
  isDown = false;
  override insert(row: Row): ReturnType<MemoryLedger['insert']> {
    return this.isDown ? Promise.reject(new LedgerError('ledger_unavailable', 'down')) : super.insert(row);
  }
}

class World {
  readonly clock = new HandClock();
  readonly control = new MemoryLedger();
  readonly ledger = new Replica();
  readonly log = new MemoryEventLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 2 }, clock: this.clock });
  private logs: readonly LogId[] = [];

  /** A member of the group, and what it told last. */
  async join(): Promise<Member> {
    const { clock, control, ledger, log } = this;
    this.logs = await registerLogs(control, 'east', log, clock);
    const member: { lags: readonly LogLag[]; stopped: number } = { lags: [], stopped: 0 };
    const probe = { ...silentProbe, behind: (told: readonly LogLag[]) => (member.lags = told), alarm: () => member.stopped++ };
    const segmentsOf = (id: LogId): ReturnType<typeof segmentsWrittenBy> => segmentsWrittenBy(control, 'east', id);
    const parts = { log, ledger, hash, clock, probe, logs: this.logs, random: { next: () => 0.5 }, signal: new AbortController().signal, openStream: () => Promise.resolve(), segmentsOf };
    const service = new FoldService(parts, { ...FOLD_DEFAULTS, flushIdleMs: 0 });
    await service.start(log);
    return Object.assign(service, { told: member });
  }

  /** Measures until the member tells this of each of its logs. */
  async until(member: Member, wanted: readonly (readonly [log: string, records: number, ageMs?: number])[]): Promise<void> {
    for (let tries = 0; tries < 10_000; tries++) {
      await member.measure();
      const told = member.told.lags.map(({ log, records, oldest }) => [log, records, ...(oldest === undefined ? [] : [this.clock.now() - oldest])]);
      if (JSON.stringify(told) === JSON.stringify(wanted)) return;
      await this.clock.sleep();
    }
    expect(member.told.lags).toEqual(wanted);
  }

  append(partition: number, value = ANY): Promise<unknown> {
    return this.log.append([{ partition, key: 'k', value }]);
  }
}

interface Member extends FoldService {
  readonly told: { readonly lags: readonly LogLag[]; readonly stopped: number };
}

describe('how far a log is behind', () => {
  it('is told in records, and as the age of the oldest that is not durable, until it is', async () => {
    const world = new World();
    const member = await world.join();
    await world.until(member, [['east.0.0', 0], ['east.0.1', 0]]);
    world.ledger.isDown = true;
    await world.append(0);
    world.clock.time += 60_000;
    await world.append(0);
    await world.append(1);
    await world.until(member, [['east.0.0', 2, 60_000], ['east.0.1', 1, 0]]);
    world.clock.time += 5_000;
    await world.until(member, [['east.0.0', 2, 65_000], ['east.0.1', 1, 5_000]]);
    world.ledger.isDown = false;
    await world.until(member, [['east.0.0', 0], ['east.0.1', 0]]);
    await member.close();
  });

  it('is told by the one who folds it: gone where it was revoked, there where it was assigned', async () => {
    const world = new World();
    const first = await world.join();
    await world.until(first, [['east.0.0', 0], ['east.0.1', 0]]);
    const second = await world.join();
    await world.until(second, [['east.0.1', 0]]);
    // Without another measurement.
    expect(first.told.lags.map(({ log }) => log)).toEqual(['east.0.0']);
    await second.close();
    expect(second.told.lags).toEqual([]);
    await world.until(first, [['east.0.0', 0], ['east.0.1', 0]]);
    await first.abandon();
    expect(first.told.lags).toEqual([]);
  });

  it('goes on to be told of a log that was stopped, from where its fold stood', async () => {
    const world = new World();
    const member = await world.join();
    await world.append(0);
    world.clock.time += 2_000;
    await world.until(member, [['east.0.0', 0], ['east.0.1', 0]]);
    await world.append(0, OF_NEWER_RULES);
    while (member.told.stopped === 0) await world.clock.sleep();
    world.clock.time += 3_000;
    await world.append(0);
    await world.until(member, [['east.0.0', 2, 3_000], ['east.0.1', 0]]);
    expect(member.told.lags.map(({ isStopped }) => isStopped)).toEqual([true, false]);
    await member.close();
  });

  it('counts what retention removed before it was folded, and is as old as the oldest that is kept', async () => {
    const world = new World();
    const first = await world.join();
    await world.append(0);
    world.clock.time += 2_000;
    await world.until(first, [['east.0.0', 0], ['east.0.1', 0]]);
    while (![...world.ledger.all()].some(({ pk }) => pk.startsWith('M#'))) {
      first.sampled({ sampledAt: world.clock.now(), ends: { ['east.0.0' as LogId]: 1 } });
      await world.clock.sleep();
    }
    await first.abandon();
    for (let sent = 0; sent < 3; sent++) {
      world.clock.time += 1_000;
      await world.append(0);
    }
    world.log.trim(0, 3);
    const second = await world.join();
    await world.until(second, [['east.0.0', 3, 0], ['east.0.1', 0]]);
    expect(second.told.stopped).toBe(1);
    await second.close();
  });
});
