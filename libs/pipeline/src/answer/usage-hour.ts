/**
 * The usage rows of one hour of one tenant: one row, until its lines outgrow it; then one for each first hex digit of the
 * lines' hashes, of which each is split again in the same way. Which rows there are is a pure function of the lines, so
 * whoever writes a cut writes the same ones, and each row by itself says what it said at the cut before.
 */
import { AccountingError, binaryToHex, Usage, usageLineToJson, type Hash, type UsageLine } from '@meridian/accounting';
import { keys, linesFit, parseUsageSk, queryAll, usageCodec, VALUE_BYTES_MAX, type Derived, type Ledger } from '@meridian/ledger';
import { resolvedThrough } from '../cut/cuts';
import { valueAt, writeDerived } from './derive';
import { PipelineError } from '../errors';
import { eachLimited } from '../loop';

/** By part; those without lines are left out. */
export type UsageParts = ReadonlyMap<string, readonly UsageLine[]>;
type StoredParts = ReadonlyMap<string, Derived<readonly UsageLine[]>>;

/** Hex digits of a hash. A part that cannot be split any more has a single set of dimensions. */
const DIGITS_MAX = 64;
/** Rows of an hour written at the same time. */
const CONCURRENCY = 8;

/** Splits the lines of an hour, sorted, into the parts that fit into a row each. */
export function usageParts(lines: readonly UsageLine[], hash: Hash, bytesMax = VALUE_BYTES_MAX): UsageParts {
  const parts = new Map<string, readonly UsageLine[]>();
  if (lines.length === 0) return parts;
  if (linesFit(lines, bytesMax)) return parts.set('', lines);
  const hashes = new Map(lines.map((line) => [line, hexHash(line, hash)]));
  const split = (part: string, of: readonly UsageLine[]): void => {
    if (part.length === DIGITS_MAX || linesFit(of, bytesMax)) {
      parts.set(part, of);
      return;
    }
    const byDigit = new Map<string, UsageLine[]>();
    for (const line of of) {
      const next = hashes.get(line)?.slice(0, part.length + 1) ?? '';
      const some = byDigit.get(next);
      if (some) some.push(line);
      else byDigit.set(next, [line]);
    }
    for (const [next, some] of byDigit) split(next, some);
  };
  split('', lines);
  return parts;
}

/** A cryptographic hash: publishers choose the names, and must not be able to choose their part. */
function hexHash({ region, dimensions }: UsageLine, hash: Hash): string {
  const { provider, model, operation, tier, inferenceRegion, counted } = dimensions;
  return binaryToHex(hash.text([region, provider, model, operation, tier, inferenceRegion, counted].join('\0')));
}

export interface UsageChange {
  readonly region: string;
  readonly tenant: string;
  /** `YYYY-MM-DDTHH`. */
  readonly hour: string;
  /** What cut `k` adds to what the hour was at cut `base`, the last one resolved whole. */
  readonly lines: readonly UsageLine[];
  readonly k: number;
  readonly base: number;
}

/**
 * Brings an hour from one cut to the next; answers how many rows that took. Rejects with `resolving` when one of them is
 * damaged.
 */
export async function writeUsageHour(ledger: Ledger, hash: Hash, change: UsageChange): Promise<number> {
  const { region, tenant, hour, k, base } = change;
  const stored = await readParts(ledger, keys.usagePk(region, tenant, hour.slice(0, 7)), hour);
  // As the rows stand: the next cut is always the one after the base, and who leaped over one would be found out here.
  const before = valuesAt(stored, k - 1);
  // A row beyond the base may be one that a rerun restored, without what it said before. The sum would be wrong, and no
  // version refuses a part that is new. But then this cut is resolved.
  const isAhead = [...stored.values()].some((row) => row.k > base);
  if (!before || (isAhead && (await resolvedThrough(ledger, region)).k >= k)) return 0;
  const sum = new Usage();
  for (const lines of [...before.values(), change.lines]) for (const line of lines) sum.addLine(line);
  const after = usageParts(sum.lines(), hash);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((part) => !isSame(before.get(part), after.get(part)));
  await eachLimited(changed, CONCURRENCY, (part) =>
    writeDerived(ledger, keys.usageHour(region, tenant, hour, part), usageCodec, {
      stored: stored.get(part), k, resolvedThrough: base, value: after.get(part) ?? [],
    }),
  );
  return changed.length;
}

/** Undefined when a row has moved on so far that it no longer says. */
function valuesAt(stored: StoredParts, k: number): UsageParts | undefined {
  const values = new Map<string, readonly UsageLine[]>();
  for (const [part, row] of stored) {
    const value = valueAt(row, k);
    if (value === 'ahead') return undefined;
    values.set(part, value ?? []);
  }
  return values;
}

/** A usage row is built upon: a damaged one must be restored first. Until then this region waits at its cut. */
async function readParts(ledger: Ledger, pk: string, hour: string): Promise<StoredParts> {
  const parts = new Map<string, Derived<readonly UsageLine[]>>();
  for await (const { sk, value } of queryAll(ledger, pk, keys.usageRange(hour, hour), { consistent: true })) {
    try {
      parts.set(parseUsageSk(sk).part, usageCodec.decode(value));
    } catch (error) {
      if (!(error instanceof AccountingError) || error.code !== 'corrupt_row') throw error;
      throw new PipelineError('resolving', `the row ${pk} ${sk} is damaged; a rerun of its tenant restores it`, { cause: error });
    }
  }
  return parts;
}

/** Both sorted, as all lines are. */
function isSame(a: readonly UsageLine[] = [], b: readonly UsageLine[] = []): boolean {
  return a.length === b.length && JSON.stringify(a.map(usageLineToJson)) === JSON.stringify(b.map(usageLineToJson));
}
