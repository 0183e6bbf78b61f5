import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { EMPTY_CUT, Usage, type Dimensions, type Hash, type UsageLine } from '@meridian/accounting';
import { encodeJson, keys, linesFit, MemoryLedger, usageCodec, VALUE_BYTES_MAX, type Ledger, type VersionedRow } from '@meridian/ledger';
import { valueAt } from './derive';
import { usageParts, writeUsageHour } from './usage-hour';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const HOUR = 493_930;
const NAME = '2026-05-07T10';
/** Room for a few lines. */
const BYTES_MAX = 4 * 1_024;

function line(model: string, events = 1): UsageLine {
  const dimensions: Dimensions = { provider: 'openai', model, operation: '', tier: '', inferenceRegion: '', counted: 'reported' };
  return { hour: HOUR, region: 'eu', dimensions, events, duplicates: 0, tokens: { input: 7n * BigInt(events) } };
}

function sorted(lines: Iterable<UsageLine>): UsageLine[] {
  const usage = new Usage();
  for (const one of lines) usage.addLine(one);
  return usage.lines();
}

const models = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 200 });

describe('the parts of an hour', () => {
  it('have every line once, each fits into a row, and none is smaller than it must be', () => {
    fc.assert(
      fc.property(models, (names) => {
        const lines = sorted(names.map((name) => line(name)));
        const parts = usageParts(lines, hash, BYTES_MAX);
        expect(sorted([...parts.values()].flat())).toEqual(lines);
        for (const [part, of] of parts) {
          expect(of.length).toBeGreaterThan(0);
          expect(linesFit(of, BYTES_MAX)).toBe(true);
          const siblings = [...parts].filter(([other]) => other.startsWith(part.slice(0, -1))).flatMap(([, some]) => some);
          if (part !== '') expect(linesFit(siblings, BYTES_MAX)).toBe(false);
        }
      }),
    );
  });

  it('are one, under the name of the hour, as long as that fits', () => {
    const lines = sorted(Array.from({ length: 800 }, (_, i) => line(`model ${i}`)));
    expect(linesFit(lines, VALUE_BYTES_MAX)).toBe(true);
    expect([...usageParts(lines, hash).keys()]).toEqual(['']);
    expect(usageParts([], hash).size).toBe(0);
  });

  it('do not depend on what stood there before, and a line keeps its part when others come to other parts', () => {
    const lines = sorted(Array.from({ length: 500 }, (_, i) => line(`model ${i}`)));
    const before = usageParts(lines, hash, BYTES_MAX);
    const after = usageParts(sorted([...lines, line('one more')]), hash, BYTES_MAX);
    const changed = [...after].filter(([part, of]) => JSON.stringify(of.map(modelOf)) !== JSON.stringify(before.get(part)?.map(modelOf)));
    expect(changed.flatMap(([, of]) => of).map(modelOf)).toContain('one more');
    expect(new Set(changed.map(([part]) => part.slice(0, 1))).size).toBe(1);
  });
});

function modelOf({ dimensions }: UsageLine): string {
  return dimensions.model;
}

/** 200 to 400 lines of it outgrow a row. */
function long(i: number): string {
  return `${i}-${'ü'.repeat(60)}`;
}

/** What a reader at cut `k` is told, and by which rows. */
async function readAt(ledger: Ledger, k: number): Promise<{ lines: UsageLine[]; rows: string[] }> {
  const { rows } = await ledger.query(keys.usagePk('eu', 'acme', '2026-05'), keys.usageRange(NAME, NAME), { consistent: true });
  const values = rows.map((row) => valueAt(usageCodec.decode(row.value), k));
  return { lines: sorted(values.flatMap((value) => (value === 'ahead' ? [] : value ?? []))), rows: rows.map(({ sk }) => sk) };
}

/** Refuses the writes that it is told to, as a process that is killed half way does. */
class Crashing extends MemoryLedger {
  left = Infinity;

  override async replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    if (this.left-- <= 0) throw new RangeError('killed');
    return super.replace(row);
  }
}

describe('writing an hour', () => {
  const change = { region: 'eu', tenant: 'acme', hour: NAME } as const;
  /** What each cut adds: the third takes it from one row to many, the last back to one. */
  const cuts: readonly (readonly UsageLine[])[] = [
    Array.from({ length: 5 }, (_, i) => line(long(i))),
    Array.from({ length: 500 }, (_, i) => line(long(i))),
    Array.from({ length: 3_000 }, (_, i) => line(long(i))),
    [line(long(7)), line('new')],
    Array.from({ length: 2_990 }, (_, i) => line(long(i + 10), i + 10 < 500 ? -2 : -1)),
  ];

  function rowsOf(ledger: MemoryLedger): string {
    return [...ledger.all()].map(({ pk, sk, version, value }) => `${pk} ${sk} ${version} ${Buffer.from(value).toString()}`).sort().join('\n');
  }

  async function undisturbed(through: number): Promise<MemoryLedger> {
    const ledger = new MemoryLedger();
    for (let k = 1; k <= through; k++) await writeUsageHour(ledger, hash, { ...change, lines: cuts[k - 1]!, k, base: k - 1 });
    return ledger;
  }

  it('says the same at a cut while the next is being written, whatever it does to the rows', async () => {
    const ledger = new MemoryLedger();
    for (const [at, lines] of cuts.entries()) {
      await writeUsageHour(ledger, hash, { ...change, lines, k: at + 1, base: at });
      for (const k of [at, at + 1]) expect((await readAt(ledger, k)).lines).toEqual(sorted(cuts.slice(0, k).flat()));
    }
    expect((await readAt(ledger, cuts.length)).rows.length).toBeGreaterThan(3);
    expect(usageCodec.decode(ledger.stored(keys.usageHour('eu', 'acme', NAME))!.value).value).toHaveLength(11);
  }, 30_000);

  it('writes only the parts in which something changed', async () => {
    const ledger = await undisturbed(3);
    expect(await writeUsageHour(ledger, hash, { ...change, lines: cuts[3]!, k: 4, base: 3 })).toBeLessThanOrEqual(2);
  }, 30_000);

  it('writes the same bytes after a crash at any row', async () => {
    const expected = rowsOf(await undisturbed(3));
    for (const left of [0, 1, 2, 5]) {
      const ledger = new Crashing();
      for (let k = 1; k <= 3; k++) {
        ledger.left = left;
        await writeUsageHour(ledger, hash, { ...change, lines: cuts[k - 1]!, k, base: k - 1 }).catch(() => undefined);
        ledger.left = Infinity;
        await writeUsageHour(ledger, hash, { ...change, lines: cuts[k - 1]!, k, base: k - 1 });
      }
      expect(rowsOf(ledger)).toBe(expected);
    }
  }, 30_000);

  it('is left alone by who comes late, also where a rerun dropped what the rows said before', async () => {
    const ledger = new MemoryLedger();
    const [first, second] = [cuts[2]!, [line('new')]];
    await writeUsageHour(ledger, hash, { ...change, lines: first, k: 1, base: 0 });
    await writeUsageHour(ledger, hash, { ...change, lines: second, k: 2, base: 1 });
    for (const row of [...ledger.all()]) ledger.put({ ...row, version: 2, value: usageCodec.encode({ k: 2, value: usageCodec.decode(row.value).value }) });
    const resolved = { cut: { ...EMPTY_CUT, k: 2 } };
    await ledger.replace({ ...keys.resolved('eu'), version: 2, value: encodeJson(resolved) });
    const before = rowsOf(ledger);
    // By these rows the hour was empty at cut 1: what the second cut adds would fit into a row that is not there yet.
    expect(await writeUsageHour(ledger, hash, { ...change, lines: second, k: 2, base: 1 })).toBe(0);
    expect(rowsOf(ledger)).toBe(before);
    expect((await readAt(ledger, 2)).lines).toEqual(sorted([...first, ...second]));
  }, 30_000);
});
