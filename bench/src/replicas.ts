/**
 * A global table in memory that counts what its writes cost, by kind of row: a replica per region, rows arrive at the
 * others a while later. A written row costs its units at every replica, a refused one where it was refused.
 */
import type { Clock } from '@meridian/accounting';
import { MemoryLedger, type Ledger, type Row, type StoredRow } from '@meridian/ledger';
import { rowKind, writeUnits } from '@meridian/ledger-dynamodb';

/** Write units by kind of row, all replicas together. */
export class UnitCounter {
  readonly byKind = new Map<string, number>();
  /** Answered writes, refused ones among them, by kind of row. */
  readonly writes = new Map<string, number>();

  add(row: Row, replicas: number): void {
    const kind = rowKind(row.pk);
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + writeUnits(row) * replicas);
    this.writes.set(kind, (this.writes.get(kind) ?? 0) + 1);
  }

  get total(): number {
    return [...this.byKind.values()].reduce((sum, units) => sum + units, 0);
  }
}

export interface TableOptions {
  readonly regions: readonly string[];
  readonly clock: Clock;
  /** From a write to its arrival at the other replicas. */
  readonly delayMs: number;
  readonly counter: UnitCounter;
}

/** The replica of each region. */
export function createReplicas({ regions, clock, delayMs, counter }: TableOptions): Map<string, Ledger> {
  const stores = new Map(regions.map((region) => [region, new MemoryLedger()]));
  const replicate = async (row: StoredRow, from: MemoryLedger): Promise<void> => {
    await clock.sleep(delayMs);
    for (const store of stores.values()) if (store !== from && (store.stored(row)?.version ?? -1) <= row.version) store.put(row);
  };
  return new Map([...stores].map(([region, store]) => [region, counted(store, (row, isWritten) => {
    counter.add(row, isWritten ? regions.length : 1);
    if (isWritten) void replicate(row, store);
  })]));
}

/** A table of one replica. */
export function createTable(counter: UnitCounter): Ledger {
  return counted(new MemoryLedger(), (row) => counter.add(row, 1));
}

function counted(store: MemoryLedger, told: (row: StoredRow, isWritten: boolean) => void): Ledger {
  return {
    insert: async (row) => {
      const answer = await store.insert(row);
      told({ ...row, version: 0 }, answer === 'inserted');
      return answer;
    },
    replace: async (row) => {
      const answer = await store.replace(row);
      told(row, answer === 'replaced');
      return answer;
    },
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    query: (pk, range) => store.query(pk, range),
    close: () => store.close(),
  };
}
