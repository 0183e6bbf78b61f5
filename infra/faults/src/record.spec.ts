import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecords, Record } from './record';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'record-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const first = { session: 's', index: 0, output: 7 };
const second = { session: 's', index: 1, output: 8 };

describe('the record', () => {
  it('says on disk what was made and when it was acknowledged first', async () => {
    const record = new Record(directory, 'one');
    record.made([first, second], 1);
    record.acked([first], 2);
    record.acked([first], 3);
    expect(await readRecords(directory)).toEqual(new Map([['s', [{ ...first, ackedAt: 2 }, second]]]));
    expect(await readRecords(directory)).toEqual(record.sessions);
    expect([record.sent, record.acknowledged]).toEqual([2, 1]);
  });

  it('holds what every publisher has made', async () => {
    new Record(directory, 'one').made([first], 1);
    new Record(directory, 'two').made([{ ...first, session: 'other' }], 1);
    expect([...(await readRecords(directory)).keys()].sort()).toEqual(['other', 's']);
  });

  it('refuses an acknowledgement of what was never made', () => {
    expect(() => new Record(directory, 'one').acked([first], 1)).toThrow('never made');
  });
});
