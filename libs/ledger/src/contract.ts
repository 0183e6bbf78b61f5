/**
 * What every adapter of the ledger must do, as a suite that each runs from its own spec. Every behaviour works under
 * partition keys of its own, so that one table may serve all of them; pages may hold less than asked for.
 */
import { LedgerError, type LedgerErrorCode } from './errors';
import { GET_MANY_MAX, getAll, PK_BYTES_MAX, queryAll, ROW_BYTES_MAX, SK_BYTES_MAX, type Key, type Ledger, type Range, type Row, type StoredRow } from './ledger';

export interface LedgerSetup {
  readonly ledger: Ledger;
  /** Closes `ledger` and opens the same table again. */
  readonly reopen?: () => Promise<Ledger>;
  /** Also after `ledger.close()`. */
  readonly dispose: () => Promise<void>;
}

export interface LedgerContractOptions {
  readonly open: () => Promise<LedgerSetup>;
  /** What of the setup this adapter offers: without it the behaviours that need it are not declared. */
  readonly offers: { readonly reopen: boolean };
  /** How long one behaviour may take, ms. */
  readonly timeoutMs?: number;
}

/** A test with a ledger and a partition key that no other behaviour uses. */
type Behaviour = (title: string, act: (ledger: Ledger, pk: string, setup: LedgerSetup) => Promise<void>) => void;

const consistent = { consistent: true } as const;

export function ledgerContract(name: string, { open, offers, timeoutMs = 10_000 }: LedgerContractOptions): void {
  let behaviours = 0;
  const run = Date.now().toString(36);
  const behaviour: Behaviour = (title, act) => {
    const pk = `contract#${run}#${behaviours++}#`;
    it(title, () => withSetup(open, (setup) => act(setup.ledger, pk, setup)), timeoutMs);
  };
  describe(`ledger contract: ${name}`, () => {
    describe('inserting', () => inserting(behaviour));
    describe('replacing', () => replacing(behaviour));
    describe('getting', () => getting(behaviour));
    describe('querying', () => querying(behaviour));
    describe('many at a time', () => concurrency(behaviour));
    describe('refusing', () => refusing(behaviour));
    if (offers.reopen) describe('opening again', () => reopening(behaviour));
  });
}

function inserting(behaviour: Behaviour): void {
  behaviour('inserts a row that is not there', async (ledger, pk) => {
    expect(await ledger.insert(row(pk, 'a', 'first'))).toBe('inserted');
    expect(await read(ledger, pk, 'a')).toEqual({ pk, sk: 'a', value: 'first', version: 0 });
  });

  behaviour('answers `exists` and leaves the stored row as it is', async (ledger, pk) => {
    await ledger.insert(row(pk, 'a', 'first'));
    expect(await ledger.insert(row(pk, 'a', 'second'))).toBe('exists');
    expect(await ledger.insert(row(pk, 'a', 'first'))).toBe('exists');
    expect((await read(ledger, pk, 'a'))?.value).toBe('first');
  });

  behaviour('keeps rows of the same sort key under different partition keys apart', async (ledger, pk) => {
    const pks = [`${pk}#`, `${pk}#a`, `${pk}#a\0`, `${pk}#ab`];
    for (const one of pks) expect(await ledger.insert(row(one, 'b', one))).toBe('inserted');
    for (const one of pks) expect((await all(ledger, one)).map(text)).toEqual([one]);
  });

  behaviour('does not confuse where a partition key ends and a sort key begins', async (ledger, pk) => {
    const keys: Key[] = [{ pk: `${pk}#a`, sk: 'bc' }, { pk: `${pk}#ab`, sk: 'c' }, { pk: `${pk}#a`, sk: '\0bc' }, { pk: `${pk}#a\0`, sk: 'bc' }];
    for (const [i, key] of keys.entries()) expect(await ledger.insert({ ...key, value: Buffer.from(`${i}`) })).toBe('inserted');
    expect((await getAll(ledger, keys, consistent)).map(text)).toEqual(['0', '1', '2', '3']);
  });

  behaviour('keeps every byte of a value, and an empty value', async (ledger, pk) => {
    const everyByte = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
    await ledger.insert({ pk, sk: 'every', value: everyByte });
    await ledger.insert({ pk, sk: 'none', value: new Uint8Array(0) });
    await ledger.replace({ pk, sk: 'none again', value: new Uint8Array(0), version: 3 });
    const [every, none, again] = await getAll(ledger, [{ pk, sk: 'every' }, { pk, sk: 'none' }, { pk, sk: 'none again' }], consistent);
    expect(Buffer.compare(Buffer.from(every?.value ?? []), everyByte)).toBe(0);
    expect([none?.value.length, again?.value.length, again?.version]).toEqual([0, 0, 3]);
  });
}

function replacing(behaviour: Behaviour): void {
  behaviour('replaces what is not there, and what has a lower or the same version', async (ledger, pk) => {
    for (const [value, version] of [['one', 1], ['two', 2], ['two again', 2], ['nine', 9_007_199_254_740_991]] as const) {
      expect(await ledger.replace({ ...row(pk, 'a', value), version })).toBe('replaced');
      expect(await read(ledger, pk, 'a')).toEqual({ pk, sk: 'a', value, version });
    }
  });

  behaviour('answers `stale` and leaves a row of a higher version as it is', async (ledger, pk) => {
    await ledger.replace({ ...row(pk, 'a', 'new'), version: 10 });
    expect(await ledger.replace({ ...row(pk, 'a', 'old'), version: 9 })).toBe('stale');
    expect(await read(ledger, pk, 'a')).toEqual({ pk, sk: 'a', value: 'new', version: 10 });
  });

  behaviour('takes an inserted row as version 0', async (ledger, pk) => {
    await ledger.insert(row(pk, 'a', 'inserted'));
    expect(await ledger.replace({ ...row(pk, 'a', 'zero'), version: 0 })).toBe('replaced');
    expect(await ledger.replace({ ...row(pk, 'a', 'one'), version: 1 })).toBe('replaced');
    expect(await ledger.replace({ ...row(pk, 'a', 'zero'), version: 0 })).toBe('stale');
    expect(await read(ledger, pk, 'a')).toEqual({ pk, sk: 'a', value: 'one', version: 1 });
  });

  behaviour('does not insert over a replaced row', async (ledger, pk) => {
    await ledger.replace({ ...row(pk, 'a', 'replaced'), version: 0 });
    expect(await ledger.insert(row(pk, 'a', 'inserted'))).toBe('exists');
    expect((await read(ledger, pk, 'a'))?.value).toBe('replaced');
  });
}

function getting(behaviour: Behaviour): void {
  behaviour('answers undefined for what is not there', async (ledger, pk) => {
    await ledger.insert(row(pk, 'a', 'x'));
    expect(await ledger.get({ pk, sk: 'b' }, consistent)).toBeUndefined();
    expect(await ledger.get({ pk: `${pk}#other`, sk: 'a' }, { consistent: false })).toBeUndefined();
  });

  behaviour('gets many in the order asked, holes, repetitions and all', async (ledger, pk) => {
    await Promise.all(['a', 'b', 'c'].map((sk) => ledger.insert(row(pk, sk, sk.toUpperCase()))));
    const rows = await ledger.getMany(['c', 'missing', 'a', 'c'].map((sk) => ({ pk, sk })), consistent);
    expect(rows.map(text)).toEqual(['C', undefined, 'A', 'C']);
    expect(await ledger.getMany([], consistent)).toEqual([]);
  });

  behaviour('gets as many as the limit allows, of several partition keys', async (ledger, pk) => {
    const keys = Array.from({ length: GET_MANY_MAX }, (_, i) => ({ pk: `${pk}#${i % 3}`, sk: `${i}` }));
    await Promise.all(keys.map((key, i) => ledger.insert({ ...key, value: Buffer.from(`${i}`) })));
    expect((await ledger.getMany(keys, consistent)).map(text)).toEqual(keys.map((_, i) => `${i}`));
  });
}

function querying(behaviour: Behaviour): void {
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
  const insertLetters = async (ledger: Ledger, pk: string): Promise<void> => {
    await Promise.all([...letters].reverse().map((sk) => ledger.insert(row(pk, sk, sk))));
    await Promise.all([`${pk}!`, pk.slice(0, -1), `${pk}~`].map((other) => ledger.insert(row(other, `c${pk}`, 'of another partition'))));
  };
  const ranges: (readonly [string, Range, string])[] = [
    ['everything without bounds, in order', {}, 'abcdef'],
    ['both ends of a range', { from: 'b', to: 'd' }, 'bcd'],
    ['from a bound that is not there', { from: 'bb' }, 'cdef'],
    ['up to a bound that is not there', { to: 'dd' }, 'abcd'],
    ['nothing when the bounds are crossed', { from: 'd', to: 'b' }, ''],
    ['only what comes after `after`', { from: 'b', after: 'c', to: 'e' }, 'de'],
    ['from `from` when `after` lies before it', { from: 'c', after: 'a' }, 'cdef'],
    ['nothing when `after` is the end', { to: 'd', after: 'd' }, ''],
    ['backwards', { descending: true }, 'fedcba'],
    ['backwards, both ends of a range', { from: 'b', to: 'd', descending: true }, 'dcb'],
    ['backwards, only what comes before `after`', { from: 'b', to: 'e', after: 'd', descending: true }, 'cb'],
    ['backwards, from `to` when `after` lies beyond it', { to: 'c', after: 'e', descending: true }, 'cba'],
  ];
  for (const [what, range, expected] of ranges) {
    behaviour(`gives ${what}, in pages of any size`, async (ledger, pk) => {
      await insertLetters(ledger, pk);
      for (const limit of [undefined, 1, 2, 6, 100]) {
        const rows = await all(ledger, pk, limit === undefined ? range : { ...range, limit });
        expect(rows.map(text).join('')).toBe(expected);
      }
    });
  }

  behaviour('gives no more rows than the limit, and where to go on', async (ledger, pk) => {
    await insertLetters(ledger, pk);
    const { rows, next } = await ledger.query(pk, { limit: 2 }, consistent);
    expect(rows.length).toBeLessThanOrEqual(2);
    expect(next).toBeDefined();
    const rest = next === undefined ? [] : await all(ledger, pk, { after: next });
    expect([...rows, ...rest].map(text)).toEqual(letters);
  });

  behaviour('orders sort keys byte by byte of their UTF-8', async (ledger, pk) => {
    const sks = ['\0', ' ', '#', '0', '10', '9', 'A', 'Z', 'a', 'a\0', 'a!', 'aa', 'z', '~', '\x7f', 'é', '€', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}'];
    await Promise.all([...sks].sort().map((sk) => ledger.insert(row(pk, sk, sk))));
    expect((await all(ledger, pk)).map(text)).toEqual(sks);
    expect((await all(ledger, pk, { descending: true, limit: 4 })).map(text)).toEqual([...sks].reverse());
    expect((await all(ledger, pk, { from: '\ue000', to: '😀' })).map(text)).toEqual(['\ue000', '\uffff', '😀']);
  });

  behaviour('gives replaced rows with their versions', async (ledger, pk) => {
    await ledger.insert(row(pk, 'a', 'inserted'));
    await ledger.replace({ ...row(pk, 'b', 'replaced'), version: 7 });
    expect((await all(ledger, pk)).map(({ sk, version }) => [sk, version])).toEqual([['a', 0], ['b', 7]]);
  });

  behaviour('gives all rows of a large partition', async (ledger, pk) => {
    const sks = Array.from({ length: 1_500 }, (_, i) => String(i).padStart(5, '0'));
    const value = new Uint8Array(1_500);
    await Promise.all(sks.map((sk) => ledger.insert({ pk, sk, value })));
    expect((await all(ledger, pk)).map(({ sk }) => sk)).toEqual(sks);
  });
}

function concurrency(behaviour: Behaviour): void {
  behaviour('lets exactly one of many inserts of one key in', async (ledger, pk) => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ledger.insert(row(pk, 'a', `${i}`))));
    expect(answers.filter((answer) => answer === 'inserted')).toHaveLength(1);
    expect((await read(ledger, pk, 'a'))?.value).toBe(`${answers.indexOf('inserted')}`);
  });

  behaviour('ends with the highest version of many replaced at a time', async (ledger, pk) => {
    const versions = Array.from({ length: 40 }, (_, i) => (i * 17) % 40);
    await Promise.all(versions.map((version) => ledger.replace({ ...row(pk, 'a', `v${version}`), version })));
    expect(await read(ledger, pk, 'a')).toEqual({ pk, sk: 'a', value: 'v39', version: 39 });
  });

  behaviour('shows to a consistent read what was answered before it', async (ledger, pk) => {
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        await ledger.insert(row(pk, `${i}`, 'inserted'));
        expect((await read(ledger, pk, `${i}`))?.value).toBe('inserted');
        await ledger.replace({ ...row(pk, `${i}`, 'replaced'), version: 1 });
        expect((await all(ledger, pk, { from: `${i}`, to: `${i}` })).map(text)).toEqual(['replaced']);
      }),
    );
  });
}

function refusing(behaviour: Behaviour): void {
  const value = Uint8Array.of(1);

  behaviour('refuses keys that are too long or empty', async (ledger, pk) => {
    const wrong: Key[] = [{ pk: 'p'.repeat(PK_BYTES_MAX + 1), sk: 'a' }, { pk, sk: 'é'.repeat(SK_BYTES_MAX / 2) + '!' }, { pk: '', sk: 'a' }, { pk, sk: '' }];
    for (const key of wrong) {
      await expectCode(ledger.insert({ ...key, value }), 'ledger_invalid');
      await expectCode(ledger.replace({ ...key, value, version: 1 }), 'ledger_invalid');
      await expectCode(ledger.get(key, consistent), 'ledger_invalid');
      await expectCode(ledger.getMany([key], consistent), 'ledger_invalid');
    }
    const longest = { pk: pk.padEnd(PK_BYTES_MAX, 'p'), sk: 'é'.repeat(SK_BYTES_MAX / 2) };
    expect(await ledger.insert({ ...longest, value })).toBe('inserted');
    expect((await all(ledger, longest.pk)).map(({ sk }) => sk)).toEqual([longest.sk]);
  });

  behaviour('refuses a row that is too large, key and all, and takes the largest', async (ledger, pk) => {
    const key = { pk, sk: 'é'.repeat(100) };
    const room = ROW_BYTES_MAX - pk.length - 200;
    await expectCode(ledger.insert({ ...key, value: new Uint8Array(room + 1) }), 'ledger_invalid');
    await expectCode(ledger.replace({ ...key, value: new Uint8Array(room + 1), version: Number.MAX_SAFE_INTEGER }), 'ledger_invalid');
    expect(await ledger.get(key, consistent)).toBeUndefined();
    expect(await ledger.replace({ ...key, value: new Uint8Array(room), version: Number.MAX_SAFE_INTEGER })).toBe('replaced');
    expect((await ledger.get(key, consistent))?.value.length).toBe(room);
  });

  behaviour('refuses more keys than `getMany` takes, and a limit below 1', async (ledger, pk) => {
    const keys = Array.from({ length: GET_MANY_MAX + 1 }, (_, i) => ({ pk, sk: `${i}` }));
    await expectCode(ledger.getMany(keys, consistent), 'ledger_invalid');
    await expectCode(ledger.query(pk, { limit: 0 }, consistent), 'ledger_invalid');
  });

  behaviour('answers every call with ledger_closed once closed', async (ledger, pk) => {
    await ledger.close();
    await ledger.close();
    await expectCode(ledger.insert(row(pk, 'a', 'x')), 'ledger_closed');
    await expectCode(ledger.replace({ ...row(pk, 'a', 'x'), version: 1 }), 'ledger_closed');
    await expectCode(ledger.get({ pk, sk: 'a' }, consistent), 'ledger_closed');
    await expectCode(ledger.getMany([{ pk, sk: 'a' }], consistent), 'ledger_closed');
    await expectCode(ledger.query(pk, {}, consistent), 'ledger_closed');
  });
}

function reopening(behaviour: Behaviour): void {
  behaviour('has what was answered before', async (ledger, pk, { reopen }) => {
    await ledger.insert(row(pk, 'a', 'inserted'));
    await ledger.replace({ ...row(pk, 'b', 'replaced'), version: 4 });
    const again = reopen ? await reopen() : ledger;
    expect((await all(again, pk)).map((one) => [one.sk, text(one), one.version])).toEqual([['a', 'inserted', 0], ['b', 'replaced', 4]]);
    expect(await again.insert(row(pk, 'a', 'other'))).toBe('exists');
    expect(await again.replace({ ...row(pk, 'b', 'older'), version: 3 })).toBe('stale');
  });
}

function row(pk: string, sk: string, value: string): Row {
  return { pk, sk, value: Buffer.from(value) };
}

function text(stored: StoredRow | undefined): string | undefined {
  return stored && Buffer.from(stored.value).toString();
}

/** The row, its value as text. */
async function read(ledger: Ledger, pk: string, sk: string): Promise<(Key & { readonly value: string; readonly version: number }) | undefined> {
  const stored = await ledger.get({ pk, sk }, consistent);
  return stored && { pk: stored.pk, sk: stored.sk, value: Buffer.from(stored.value).toString(), version: stored.version };
}

async function all(ledger: Ledger, pk: string, range: Range = {}): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const one of queryAll(ledger, pk, range, consistent)) rows.push(one);
  return rows;
}

async function expectCode(call: Promise<unknown>, code: LedgerErrorCode): Promise<void> {
  const error = await call.then(() => undefined, (cause: unknown) => cause);
  expect(error).toBeInstanceOf(LedgerError);
  expect((error as LedgerError).code).toBe(code);
}

async function withSetup(open: LedgerContractOptions['open'], act: (setup: LedgerSetup) => Promise<void>): Promise<void> {
  const setup = await open();
  try {
    await act(setup);
  } finally {
    await setup.dispose();
  }
}
