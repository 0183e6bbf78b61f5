import { withDerivedApart } from './apart';
import { ledgerContract } from './contract';
import { isDerived, keys } from './keys';
import { MemoryLedger } from './memory';

const CONSISTENT = { consistent: true } as const;

describe('derived rows', () => {
  it('are usage, totals, the index of sessions and how far a region has resolved, and nothing else', () => {
    const derived = [keys.usageHour('eu', 't', '2026-01-01T00'), keys.sessionCache('eu', 't', 's'), keys.sessionIndex('eu', 't', '2026-01', 's'), keys.resolved('eu')];
    const evidence = [keys.delta('t', 's', 'eu.0.0~0' as never, 1), keys.manifest('eu.0.0~0' as never, 1), keys.ends('eu', 0), keys.boundaries('eu'), keys.cutCopy(1), keys.apiKey('k')];
    expect(derived.map(({ pk }) => isDerived(pk))).toEqual([true, true, true, true]);
    expect(evidence.map(({ pk }) => isDerived(pk))).toEqual(evidence.map(() => false));
  });

  it('go to the region\'s own store, everything else to the ledger, and many are answered in the order asked', async () => {
    const [ledger, derived] = [new MemoryLedger(), new MemoryLedger()];
    const both = withDerivedApart(ledger, derived);
    const [own, shared, other] = [keys.resolved('eu'), keys.boundaries('eu'), keys.usageHour('eu', 't', '2026-01-01T00')];
    await both.replace({ ...own, version: 1, value: Uint8Array.of(1) });
    await both.replace({ ...shared, version: 1, value: Uint8Array.of(2) });
    await both.insert({ ...other, value: Uint8Array.of(3) });
    expect([...ledger.all()].map(({ pk }) => pk)).toEqual(['R#eu']);
    expect([...derived.all()].map(({ pk }) => pk)).toEqual(['RC#eu', 'U#eu#t#2026-01']);
    const rows = await both.getMany([shared, own, keys.boundaries('us'), other], CONSISTENT);
    expect(rows.map((row) => row?.value[0])).toEqual([2, 1, undefined, 3]);
    expect((await both.get(own, CONSISTENT))?.value).toEqual(Uint8Array.of(1));
    expect((await both.query(other.pk, {}, CONSISTENT)).rows).toHaveLength(1);
  });
});

ledgerContract('memory, derived rows apart,', {
  offers: { reopen: false },
  open: async () => {
    const [ledger, derived] = [new MemoryLedger(), new MemoryLedger()];
    const close = async (): Promise<void> => {
      await ledger.close();
      await derived.close();
    };
    return { ledger: { ...withDerivedApart(ledger, derived), close }, dispose: close };
  },
});
