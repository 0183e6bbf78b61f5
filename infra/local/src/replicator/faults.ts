/** What the replicator is told to do badly: to be late, to mix up the order, not to get through. Of all pairs but a region with itself. */
import { StackError } from '../errors';

export interface Faults {
  /** Every change waits so long before it is applied, ms. */
  readonly delayMs: number;
  /** Every change waits up to `REORDER_MS` more, by chance, and alone. */
  readonly reorder: boolean;
  /** Source and target that changes do not pass between; `*` is any region. */
  readonly cut: readonly (readonly [source: string, target: string])[];
}

export const NO_FAULTS: Faults = { delayMs: 0, reorder: false, cut: [] };
/** Long enough that some hundred changes overtake each other at the rates of a laptop. */
export const REORDER_MS = 500;
const DELAY_MS_MAX = 3_600_000;
const FIELDS: readonly string[] = ['delayMs', 'reorder', 'cut'];

export function isCut({ cut }: Faults, source: string, target: string): boolean {
  return cut.some(([from, to]) => (from === '*' || from === source) && (to === '*' || to === target));
}

/** `chance` is of the change, 0 to 1. */
export function dueMs({ delayMs, reorder }: Faults, readMs: number, chance: number): number {
  return readMs + delayMs + (reorder ? chance * REORDER_MS : 0);
}

/** Absent fields are as without faults. Throws `stack_invalid`, naming the field. */
export function parseFaults(body: string, regions: readonly string[]): Faults {
  const value = parse(body);
  for (const name of Object.keys(value)) if (!FIELDS.includes(name)) throw invalid(name, `is unknown: there are ${FIELDS.join(', ')}`);
  const { delayMs = 0, reorder = false, cut = [] } = value;
  if (!Number.isInteger(delayMs) || Number(delayMs) < 0 || Number(delayMs) > DELAY_MS_MAX) throw invalid('delayMs', `is a whole number from 0 to ${DELAY_MS_MAX}`);
  if (typeof reorder !== 'boolean') throw invalid('reorder', 'is true or false');
  if (!Array.isArray(cut)) throw invalid('cut', 'is an array of pairs [source, target]');
  return { delayMs: Number(delayMs), reorder, cut: cut.map((pair: unknown, index) => pairOf(pair, index, regions)) };
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new StackError('stack_invalid', 'the body must be a JSON object');
}

function pairOf(pair: unknown, index: number, regions: readonly string[]): readonly [string, string] {
  const known = [...regions, '*'];
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((one: unknown) => known.includes(String(one)))) {
    throw invalid(`cut[${index}]`, `is a pair [source, target] of ${known.join(', ')}`);
  }
  return [String(pair[0]), String(pair[1])];
}

function invalid(field: string, why: string): StackError {
  return new StackError('stack_invalid', `${field} ${why}`);
}
