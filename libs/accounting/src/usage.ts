/**
 * Usage: sums by tenant, hour and dimensions. Addition is commutative and associative, so usage may be summed from any
 * parts in any order.
 */
import { TokenSum, tokensFromJson, tokensToJson, type Bucket, type TokenTotals } from './bucket';
import type { Dimensions, Shape } from './shape';

/** One line of usage: one hour, one set of dimensions, one region. */
export interface UsageLine {
  /** Hours since the epoch, UTC. */
  readonly hour: number;
  /** Region of the log that carried the counted record. */
  readonly region: string;
  readonly dimensions: Dimensions;
  /** Entries counted. */
  readonly events: number;
  /** Records that repeated an entry and were not counted. */
  readonly duplicates: number;
  readonly tokens: TokenTotals;
}

interface Cell {
  readonly hour: number;
  readonly region: string;
  readonly dimensions: Dimensions;
  events: number;
  duplicates: number;
  readonly sum: TokenSum;
}

/** A sum of usage of one tenant. Void entries carry no tokens and no dimensions and are not usage. */
export class Usage {
  private readonly cells = new Map<string, Cell>();
  /** The cells of events, by region, dimensions (the object) and hour: a key is dear to build. */
  private last: Cell | undefined;
  private readonly near = new Map<string, Map<Dimensions, Map<number, Cell>>>();

  /** Whether there are no lines. */
  get isEmpty(): boolean {
    for (const cell of this.cells.values()) if (!isZero(lineOf(cell))) return false;
    return true;
  }

  /** Adds one event. `tokens`: one count per bucket of the shape. */
  addEvent(hour: number, region: string, shape: Shape, tokens: readonly number[]): void {
    if (shape.kind === 'void') return;
    const cell = this.nearCell(hour, region, shape.dimensions);
    cell.events++;
    cell.sum.add(shape.buckets, tokens);
  }

  /** Adds `count` (may be negative) records that repeated an event and were not counted. */
  addDuplicates(hour: number, region: string, shape: Shape, count: number): void {
    if (shape.kind === 'void') return;
    this.nearCell(hour, region, shape.dimensions).duplicates += count;
  }

  /** Adds (or with `sign` −1 subtracts) a line. */
  addLine(line: UsageLine, sign: 1 | -1 = 1): void {
    const cell = this.cell(line.hour, line.region, line.dimensions);
    cell.events += sign * line.events;
    cell.duplicates += sign * line.duplicates;
    cell.sum.addTotals(line.tokens, sign);
  }

  addUsage(other: Usage, sign: 1 | -1 = 1): void {
    for (const cell of other.cells.values()) this.addLine(lineOf(cell), sign);
  }

  /** Every hour that anything was added to, also where it sums up to zero. */
  hours(): Set<number> {
    return new Set([...this.cells.values()].map((cell) => cell.hour));
  }

  /** Sorted by hour, then region, then dimensions; lines in which everything is zero are left out. */
  lines(): UsageLine[] {
    return [...this.cells.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, cell]) => lineOf(cell))
      .filter((line) => !isZero(line));
  }

  private nearCell(hour: number, region: string, dimensions: Dimensions): Cell {
    const { last } = this;
    if (last?.hour === hour && last.region === region && last.dimensions === dimensions) return last;
    return (this.last = this.findCell(hour, region, dimensions));
  }

  private findCell(hour: number, region: string, dimensions: Dimensions): Cell {
    let ofRegion = this.near.get(region);
    if (!ofRegion) this.near.set(region, (ofRegion = new Map<Dimensions, Map<number, Cell>>()));
    let hours = ofRegion.get(dimensions);
    if (!hours) ofRegion.set(dimensions, (hours = new Map<number, Cell>()));
    let cell = hours.get(hour);
    if (!cell) hours.set(hour, (cell = this.cell(hour, region, dimensions)));
    return cell;
  }

  private cell(hour: number, region: string, dimensions: Dimensions): Cell {
    const key = usageKey(hour, region, dimensions);
    let cell = this.cells.get(key);
    if (!cell) this.cells.set(key, (cell = { hour, region, dimensions, events: 0, duplicates: 0, sum: new TokenSum() }));
    return cell;
  }
}

function lineOf({ hour, region, dimensions, events, duplicates, sum }: Cell): UsageLine {
  return { hour, region, dimensions, events, duplicates, tokens: sum.totals() };
}

function isZero({ events, duplicates, tokens }: UsageLine): boolean {
  return events === 0 && duplicates === 0 && Object.values(tokens).every((value) => value === 0n);
}

/** Sorts as lines do: hours stay below 8 digits until the year 13,000, and U+0000 is in no text. */
function usageKey(hour: number, region: string, dimensions: Dimensions): string {
  const { provider, model, operation, tier, inferenceRegion, counted } = dimensions;
  return [String(hour).padStart(8, '0'), region, provider, model, operation, tier, inferenceRegion, counted].join('\u0000');
}

/** A line as the usage rows and the API carry it. */
export interface UsageLineJson extends Dimensions {
  readonly hour: number;
  readonly region: string;
  readonly events: number;
  readonly duplicates: number;
  readonly tokens: Readonly<Partial<Record<Bucket, string>>>;
}

export function usageLineToJson(line: UsageLine): UsageLineJson {
  const { hour, region, dimensions, events, duplicates, tokens } = line;
  return { hour, region, ...dimensions, events, duplicates, tokens: tokensToJson(tokens) };
}

export function usageLineFromJson(json: UsageLineJson): UsageLine {
  const { hour, region, events, duplicates, tokens, provider, model, operation, tier, inferenceRegion, counted } = json;
  const dimensions: Dimensions = { provider, model, operation, tier, inferenceRegion, counted };
  return { hour, region, dimensions, events, duplicates, tokens: tokensFromJson(tokens) };
}
