/** What was found wrong, each thing once. Any of it fails the run. */
import type { Finding, Kind } from './judge';

export type Counts = Readonly<Record<Kind, number>>;

export class Findings {
  private readonly found = new Map<string, Finding>();
  private readonly excused = new Set<string>();

  constructor(private readonly say: (line: string) => void) {}

  add(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const key = `${finding.kind} ${finding.key}`;
      if (this.found.has(key)) continue;
      this.found.set(key, finding);
      this.say(`VIOLATION ${finding.kind}: ${finding.message}`);
    }
  }

  /** What is falsely final but for slack: a figure, and no failure. How many of the keys are new. */
  excuse(keys: readonly string[]): number {
    const fresh = keys.filter((key) => !this.excused.has(key) && !this.found.has(`falselyFinal ${key}`));
    for (const key of fresh) this.excused.add(key);
    return fresh.length;
  }

  get counts(): Counts {
    const of = (kind: Kind): number => [...this.found.values()].filter((one) => one.kind === kind).length;
    return { lost: of('lost'), double: of('double'), falselyFinal: of('falselyFinal') };
  }
}

export function difference(now: Counts, before: Counts): Counts {
  return { lost: now.lost - before.lost, double: now.double - before.double, falselyFinal: now.falselyFinal - before.falselyFinal };
}
