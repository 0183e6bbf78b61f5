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

for (const [name, origin] of [['LevelDB', {}], ['LevelDB as a replica', { origin: 'eu' }]] as const) {
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
