import { ledgerContract } from './contract';
import { MemoryLedger } from './memory';

ledgerContract('memory', {
  offers: { reopen: false },
  open: async () => {
    const ledger = new MemoryLedger();
    return { ledger, dispose: () => ledger.close() };
  },
});
