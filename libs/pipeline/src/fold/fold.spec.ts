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
