import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, Journals, readJournals } from './journal';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const first = { session: 's', index: 0, output: 7 };
const second = { session: 's', index: 1, output: 8 };

describe('the journal', () => {
  it('says on disk what was made and when it was acknowledged first', async () => {
    const journal = new Journal(directory, 'tenant', 'one');
    journal.made([first, second], 1);
    journal.acked([first], 2);
    journal.acked([first], 3);
    expect(await readJournals(directory)).toEqual(new Map([['tenant', new Map([['s', [{ ...first, ackedAt: 2 }, second]]])]]));
    expect(await readJournals(directory)).toEqual(new Map([['tenant', journal.sessions]]));
    expect([journal.sent, journal.acknowledged]).toEqual([2, 1]);
  });

  it('holds what every publisher has made', async () => {
    new Journal(directory, 'tenant', 'one').made([first], 1);
    new Journal(directory, 'tenant', 'two').made([{ ...first, session: 'other' }], 1);
    expect([...((await readJournals(directory)).get('tenant')?.keys() ?? [])].sort()).toEqual(['other', 's']);
  });

  it('keeps apart what tenants have of the same name', async () => {
    new Journal(directory, 'tenant', 'one').made([first], 1);
    new Journal(directory, 'tenant-2', 'one').made([{ ...first, output: 9 }], 1);
    expect(await readJournals(directory)).toEqual(new Map([['tenant', new Map([['s', [first]]])], ['tenant-2', new Map([['s', [{ ...first, output: 9 }]]])]]));
  });

  it('of another process is read as far as that has got, again and again, and never half a line', async () => {
    const [own, other] = [new Journal(directory, 'tenant', 'own'), new Journal(directory, 'tenant', 'other')];
    const others = new Journals(directory, [own]);
    own.made([first], 1);
    expect(others.all()).toEqual([]);
    other.made([first], 1);
    expect(others.all()).toEqual([{ tenant: 'tenant', sessions: other.sessions }]);
    await appendFile(other.file, '["made","s",');
    expect(others.all()).toEqual([{ tenant: 'tenant', sessions: other.sessions }]);
    await appendFile(other.file, '1,8,1]\n');
    expect(others.all()).toEqual([{ tenant: 'tenant', sessions: new Map([['s', [first, second]]]) }]);
  });

  it('of a process that was killed is gone on with', async () => {
    new Journal(directory, 'tenant', 'one').made([first, second], 1);
    const next = new Journal(directory, 'tenant', 'one');
    next.adopt([first, second]);
    next.acked([first, second], 5);
    expect(await readJournals(directory)).toEqual(new Map([['tenant', new Map([['s', [{ ...first, ackedAt: 5 }, { ...second, ackedAt: 5 }]]])]]));
  });

  it('refuses an acknowledgement of what was never made', () => {
    expect(() => new Journal(directory, 'tenant', 'one').acked([first], 1)).toThrow('never made');
  });
});
