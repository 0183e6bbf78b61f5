import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerContract } from '@meridian/ledger/contract';
import { LevelLedger, type LevelLedgerOptions } from './ledger';

const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ledger-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

for (const [name, origin] of [['level', {}], ['level, as a replica', { origin: 'eu' }]] as const) {
  ledgerContract(name, {
    offers: { reopen: true },
    open: async () => {
      const options: LevelLedgerOptions = { directory, clock, ...origin };
      let ledger = await LevelLedger.open(options);
      return {
        ledger,
        reopen: async () => {
          await ledger.close();
          ledger = await LevelLedger.open(options);
          return ledger;
        },
        dispose: () => ledger.close(),
      };
    },
  });
}

describe('LevelLedger', () => {
  const row = { pk: 'p', sk: 'a', value: Uint8Array.of(1) };

  it('refuses a directory of another origin', async () => {
    await (await LevelLedger.open({ directory, clock, origin: 'eu' })).close();
    await expect(LevelLedger.open({ directory, clock, origin: 'us' })).rejects.toMatchObject({ code: 'ledger_invalid' });
    await expect(LevelLedger.open({ directory, clock })).rejects.toMatchObject({ code: 'ledger_invalid' });
  });

  it('writes what was handed over before it closes', async () => {
    const ledger = await LevelLedger.open({ directory, clock });
    const calls = Array.from({ length: 20 }, (_, i) => ledger.insert({ ...row, sk: `${i}` }));
    expect(new Set((await Promise.all([...calls, ledger.close()])).slice(0, -1))).toEqual(new Set(['inserted']));
    const again = await LevelLedger.open({ directory, clock });
    expect((await again.query('p', {})).rows).toHaveLength(20);
    await again.close();
  });

  it('ends a page early when its rows are large', async () => {
    const ledger = await LevelLedger.open({ directory, clock });
    await Promise.all(Array.from({ length: 10 }, (_, i) => ledger.insert({ ...row, sk: `${i}`, value: new Uint8Array(300_000) })));
    const { rows, next } = await ledger.query('p', { limit: 8 });
    expect([rows.length, next]).toEqual([4, '3']);
    await ledger.close();
  });

  it('puts into the outbox what it writes, and not what it refuses', async () => {
    const ledger = await LevelLedger.open({ directory, clock, origin: 'eu' });
    await Promise.all([ledger.insert(row), ledger.insert(row), ledger.replace({ ...row, version: 2 }), ledger.replace({ ...row, version: 1 })]);
    expect(ledger.outbox.last).toBe(2);
    await ledger.close();
  });
});
