/**
 * Where each row goes, decided by chance from one seed and nothing else: the same file, options and seed give the same
 * plan, however fast the services are.
 */
import type { Random } from '@meridian/accounting';

export interface RoamOptions {
  readonly regions: readonly string[];
  /** Probability that a session moves to another region between two events. */
  readonly roam: number;
  /** Probability that an acknowledgement counts as lost. */
  readonly resend: number;
}

export interface Route {
  readonly region: string;
  /** Where the event is sent once more after its acknowledgement; another region when there is one. */
  readonly resendTo: string | undefined;
}

/** The route of each row, in the order of the file. */
export class RoamPlan {
  private readonly places = new Map<string, string>();

  constructor(
    private readonly options: RoamOptions,
    private readonly random: Random,
  ) {}

  next(session: string): Route {
    const before = this.places.get(session);
    const region = before === undefined ? this.pick(this.options.regions) : this.chance(this.options.roam) ? this.other(before) : before;
    this.places.set(session, region);
    return { region, resendTo: this.chance(this.options.resend) ? this.other(region) : undefined };
  }

  private other(region: string): string {
    const others = this.options.regions.filter((one) => one !== region);
    return others.length === 0 ? region : this.pick(others);
  }

  private pick(regions: readonly string[]): string {
    return regions[Math.floor(this.random.next() * regions.length)] as string;
  }

  private chance(probability: number): boolean {
    return this.random.next() < probability;
  }
}

export interface Crash {
  /** The aggregator is killed when this many events are acknowledged. */
  readonly afterEvents: number;
  readonly region: string;
}

/** The crashes of a run, in order: spread over its middle nine tenths, so that each meets work under way. */
export function planCrashes(crashes: number, run: { readonly regions: readonly string[]; readonly events: number }, random: Random): Crash[] {
  const FIRST = 0.05;
  const SPREAD = 0.9;
  return Array.from({ length: crashes }, () => ({
    afterEvents: Math.max(1, Math.floor((FIRST + SPREAD * random.next()) * run.events)),
    region: run.regions[Math.floor(random.next() * run.regions.length)] as string,
  })).sort((a, b) => a.afterEvents - b.afterEvents);
}
