/**
 * Keeps a region's derived rows (usage, totals, how far they are resolved) in a store of the region's own, which is not
 * replicated: no other region reads them, and each replica of a global table would pay for every one of them.
 */
import { isDerived } from './keys';
import type { Key, Ledger } from './ledger';

/** The ledger, but for the derived rows, which are read from and written to `derived`. Closing it closes neither. */
export function withDerivedApart(ledger: Ledger, derived: Ledger): Ledger {
  const of = (pk: string): Ledger => (isDerived(pk) ? derived : ledger);
  return {
    insert: (row) => of(row.pk).insert(row),
    replace: (row) => of(row.pk).replace(row),
    get: (key, options) => of(key.pk).get(key, options),
    getMany: async (keys, options) => {
      const [here, apart] = [ledger, derived].map((store) => keys.filter(({ pk }) => of(pk) === store)) as [Key[], Key[]];
      if (apart.length === 0) return ledger.getMany(here, options);
      const [found, foundApart] = await Promise.all([ledger.getMany(here, options), derived.getMany(apart, options)]);
      const next = { here: found.values(), apart: foundApart.values() };
      return keys.map(({ pk }) => (isDerived(pk) ? next.apart : next.here).next().value);
    },
    query: (pk, range, options) => of(pk).query(pk, range, options),
    close: () => Promise.resolve(),
  };
}
