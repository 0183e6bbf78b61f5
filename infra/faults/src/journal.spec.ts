import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJournals, Journal } from './journal';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const first = { session: 's', index: 0, output: 7 };
const second = { session: 's', index: 1, output: 8 };

describe('the journal', () => {
  it('says on disk what was made and when it was acknowledged first', async () => {
    const journal = new Journal(directory, 'one');
    journal.made([first, second], 1);
    journal.acked([first], 2);
    journal.acked([first], 3);
    expect(await readJournals(directory)).toEqual(new Map([['s', [{ ...first, ackedAt: 2 }, second]]]));
    expect(await readJournals(directory)).toEqual(journal.sessions);
    expect([journal.sent, journal.acknowledged]).toEqual([2, 1]);
  });

  it('holds what every publisher has made', async () => {
    new Journal(directory, 'one').made([first], 1);
    new Journal(directory, 'two').made([{ ...first, session: 'other' }], 1);
    expect([...(await readJournals(directory)).keys()].sort()).toEqual(['other', 's']);
  });

  it('refuses an acknowledgement of what was never made', () => {
    expect(() => new Journal(directory, 'one').acked([first], 1)).toThrow('never made');
  });
});
