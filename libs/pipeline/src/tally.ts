/**
 * What one flush of a folder made of its range so far: what its manifest is going to say, and what is told of the flush.
 */
import { Digest, hourOf, Usage, type Entry, type Touched } from '@meridian/accounting';

export class Tally {
  readonly digest = new Digest();
  /** By tenant. */
  readonly usage = new Map<string, Usage>();
  readonly touched: Touched[] = [];
  entries = 0;
  duplicates = 0;
  conflicts = 0;
  deltas = 0;
  /** Of the deltas. */
  bytes = 0;

  constructor(private readonly region: string) {}

  usageOf(tenant: string): Usage {
    let usage = this.usage.get(tenant);
    if (!usage) this.usage.set(tenant, (usage = new Usage()));
    return usage;
  }

  /** `usage` is the one of its tenant. */
  addEntry(entry: Entry, usage: Usage): void {
    this.entries++;
    this.digest.add(entry);
    usage.addEvent(hourOf(entry.time), this.region, entry.shape, entry.tokens);
  }

  addDuplicate(entry: Entry, usage: Usage): void {
    this.duplicates++;
    usage.addDuplicates(hourOf(entry.time), this.region, entry.shape, 1);
  }
}

/** The order of a manifest. No two of a flush are equal in both. */
export function byTenantThenSession(a: Touched, b: Touched): number {
  if (a.tenant === b.tenant) return a.session < b.session ? -1 : 1;
  return a.tenant < b.tenant ? -1 : 1;
}
