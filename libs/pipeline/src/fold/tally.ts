/**
 * What a folder made of its log since the last manifest: what the next one is going to say, and what is told of flushes.
 */
import { Digest, hourOf, Usage, type Entry, type Touched } from '@meridian/accounting';

export interface FlushCounts {
  readonly entries: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly deltas: number;
  /** Of the deltas. */
  readonly bytes: number;
}

export class Tally implements FlushCounts {
  readonly digest = new Digest();
  /** By tenant. */
  readonly usage = new Map<string, Usage>();
  /** As often as it was flushed. */
  private readonly sessions: Touched[] = [];
  entries = 0;
  duplicates = 0;
  conflicts = 0;
  deltas = 0;
  bytes = 0;
  private told: FlushCounts = { entries: 0, duplicates: 0, conflicts: 0, deltas: 0, bytes: 0 };

  constructor(private readonly region: string) {}

  usageOf(tenant: string): Usage {
    let usage = this.usage.get(tenant);
    if (!usage) this.usage.set(tenant, (usage = new Usage()));
    return usage;
  }

  /** What has been added since it was last asked for. */
  tell(): FlushCounts {
    const { entries, duplicates, conflicts, deltas, bytes, told } = this;
    this.told = { entries, duplicates, conflicts, deltas, bytes };
    return {
      entries: entries - told.entries, duplicates: duplicates - told.duplicates, conflicts: conflicts - told.conflicts, deltas: deltas - told.deltas,
      bytes: bytes - told.bytes,
    };
  }

  addTouched(one: Touched): void {
    this.sessions.push(one);
  }

  /** In the order of a manifest, each session once, with the highest delta that its records need. */
  touched(): Touched[] {
    const sorted = this.sessions.sort(byTenantThenSession);
    return sorted.filter(({ tenant, session }, i) => sorted[i + 1]?.session !== session || sorted[i + 1]?.tenant !== tenant);
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

/** The order of a manifest. */
function byTenantThenSession(a: Touched, b: Touched): number {
  if (a.tenant !== b.tenant) return a.tenant < b.tenant ? -1 : 1;
  if (a.session !== b.session) return a.session < b.session ? -1 : 1;
  return a.delta - b.delta;
}
