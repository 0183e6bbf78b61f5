/** What goes wrong beside a folder: another one, a ledger that answers nothing, a log that was cut. */
import { createHash } from 'node:crypto';
import { logId, ownersSegment, type Clock, type Hash, type Segment, type UsageEvent } from '@meridian/accounting';
import { MemoryEventLog } from '@meridian/event-log';
import { keys, LedgerError, MemoryLedger, type Ledger, type Row } from '@meridian/ledger';
import { Acceptor } from '../accept';
import { silentProbe } from '../probe';
import { FOLD_DEFAULTS, Folder } from './fold';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const START = Date.UTC(2026, 4, 5, 10);
const clock: Clock = { now: () => START, sleep: () => Promise.resolve() };
const LOG = logId({ region: 'east', lineage: 0, partition: 0 });
const SEGMENT = ownersSegment(LOG, 0, 'east');

/** A log that an unclean election may cut. */
class CutLog extends MemoryEventLog {
  /** Everything from `offset` on is gone, and another leader goes on. */
  cut(offset: number): void {
    (this as unknown as { partitions: { records: unknown[] }[] }).partitions[0]!.records.splice(offset);
    this.raiseEpoch();
  }
}

class World {
  readonly ledger = new MemoryLedger();
  readonly log = new CutLog({ incarnation: { cluster: 'c', topic: 'usage', partitions: 1 }, clock });

  async accept(...ids: readonly string[]): Promise<void> {
    await new Acceptor({ log: this.log, logs: [LOG], clock, probe: silentProbe }).accept(ids.map((id) => event(id)));
  }

  async folder(ledger: Ledger = this.ledger, segments: readonly Segment[] = [SEGMENT]): Promise<Folder> {
    const folder = new Folder({ log: this.log, ledger, hash, clock, probe: silentProbe }, { partition: 0, log: LOG, segments }, FOLD_DEFAULTS);
    await folder.open();
    return folder;
  }

  /** Records from `offset` on, up to `count`. */
  async offer(folder: Folder, offset: number, count = 100): Promise<void> {
    await folder.offer(await this.log.read(0, offset, count));
  }

  /** Names of the sessions that have a delta. */
  sessions(): string[] {
    return [...this.ledger.all()].filter(({ sk }) => sk.startsWith('D#')).map(({ pk }) => pk.split('#').at(-1) ?? '').sort();
  }
}

function event(id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    kind: 'usage', tenant: 'acme', source: 'chat', id, session: `of-${id}`, time: START, provider: 'p', model: 'm', tokens: { input: 1 }, counted: 'reported', ...changes,
  };
}

describe('a folder that finds the manifest of another', () => {
  it('goes on from there only while the log still holds what that was made of', async () => {
    const world = new World();
    await world.accept('e0', 'e1', 'e2', 'e3');
    const [behind, ahead] = [await world.folder(), await world.folder()];
    await world.offer(behind, 0, 2);
    await world.offer(ahead, 0);
    await ahead.flush();
    // Its own manifest is there already: it goes to the end of that.
    await behind.flush();
    expect(behind.folded).toBe(4);
    world.log.cut(3);
    await world.accept('n3', 'n4');
    await expect(world.offer(behind, 2)).rejects.toMatchObject({ code: 'log_truncated' });
  });
});

describe('a stream with deltas of records that no manifest covers', () => {
  /** A folder wrote e0 and its manifest, then e1 without one, and died. */
  async function leftAhead(): Promise<World> {
    const world = new World();
    const died = await world.folder();
    for (const [offset, id] of ['e0', 'e1'].entries()) {
      await world.accept(id);
      await world.offer(died, offset);
      await (offset === 0 ? died.flush() : died.write());
    }
    expect(world.sessions()).toEqual(['of-e0', 'of-e1']);
    return world;
  }

  it('is gone on with while the log has the same leader', async () => {
    const world = await leftAhead();
    await world.accept('e2');
    const next = await world.folder();
    await world.offer(next, 1);
    await next.flush();
    expect(next.folded).toBe(3);
  });

  it('is doubted when another leader has written where they lie: nobody can tell whether the log was cut below them', async () => {
    const world = await leftAhead();
    world.log.cut(1);
    await world.accept('n1');
    const next = await world.folder();
    await expect(world.offer(next, 1)).rejects.toMatchObject({ code: 'stream_doubtful' });
    // Also by whoever comes after that one, and when the log had ended there.
    world.log.cut(1);
    const later = await world.folder();
    await world.accept('m1');
    await expect(world.offer(later, 1)).rejects.toMatchObject({ code: 'stream_doubtful' });
    expect(world.sessions()).toEqual(['of-e0', 'of-e1']);
  });

  it('is not doubted for what came after the folder had opened it', async () => {
    const world = await leftAhead();
    const next = await world.folder();
    await world.offer(next, 1);
    await world.accept('e2');
    await world.offer(next, 2);
    world.log.raiseEpoch();
    await world.accept('e3');
    await world.offer(next, 3);
    await next.flush();
    expect(next.folded).toBe(4);
  });

  it('is not doubted when the folder before left nothing behind, however often leaders changed', async () => {
    const world = new World();
    for (const id of ['e0', 'e1', 'e2']) {
      const folder = await world.folder();
      world.log.raiseEpoch();
      await world.accept(id);
      await world.offer(folder, folder.folded);
      await folder.write();
      await folder.flush();
      await folder.leave();
    }
    expect((await world.folder()).folded).toBe(3);
  });

  it('is doubted from its start, too', async () => {
    const world = new World();
    const died = await world.folder();
    await world.accept('e0', 'e1');
    await world.offer(died, 0);
    await died.write();
    world.log.cut(0);
    await world.accept('n0');
    await expect(world.offer(await world.folder(), 0)).rejects.toMatchObject({ code: 'stream_doubtful' });
  });

  it('is not called clean by a folder that was cut off while another went on', async () => {
    const world = new World();
    const old = await world.folder();
    await world.accept('e0');
    await world.offer(old, 0);
    await old.flush();
    const next = await world.folder();
    await world.accept('e1');
    await world.offer(next, 1);
    await next.write();
    await old.leave();
    world.log.cut(1);
    await world.accept('n1');
    await expect(world.offer(await world.folder(), 1)).rejects.toMatchObject({ code: 'stream_doubtful' });
  });
});

describe('a quarantine row', () => {
  it('is written before anything says so, also when the ledger does not answer', async () => {
    const world = new World();
    let failures = 1;
    class Unanswering extends MemoryLedger {
      override async insert(row: Row): Promise<'inserted' | 'exists'> {
        if (row.pk.startsWith('Q#') && failures-- > 0) throw new LedgerError('ledger_ambiguous', 'never applied');
        return super.insert(row);
      }
    }
    const ledger = new Unanswering();
    await world.log.append([{ partition: 0, key: '', value: Buffer.from('no record') }]);
    const folder = await world.folder(ledger);
    await world.offer(folder, 0);
    await expect(folder.flush()).rejects.toMatchObject({ code: 'ledger_ambiguous', retryable: true });
    expect([...ledger.all()].filter(({ pk }) => pk.startsWith('M#'))).toEqual([]);
    await folder.flush();
    expect(ledger.stored(keys.quarantine(LOG, Math.floor(START / 3_600_000), 0))).toBeDefined();
  });
});
