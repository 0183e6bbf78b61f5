import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { SessionState } from './classify';
import type { Entry } from './entry';
import type { Hash } from './environment';
import type { Identity } from './identity';
import { Shapes } from './shape';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);
const shape = shapes.usage({ provider: 'p', model: 'm', operation: '', tier: '', inferenceRegion: '', counted: 'reported' }, 1);
const reason = shapes.void('test');

function entry(id: string, offset: number, input = 1): Entry {
  return { identity: id.padEnd(16, '.') as Identity, offset, time: 1_000, shape, tokens: [input], target: '' };
}

/** A session whose log so far is `given`, folded into deltas of one entry each. */
function sessionOf(...given: Entry[]): SessionState {
  const session = new SessionState();
  for (const one of given) if (!('delta' in session.classify(one))) session.add(one, session.lastDelta + 1);
  return session;
}

describe('SessionState.classify', () => {
  it('calls the first of an identity an entry', () => {
    expect(sessionOf().classify(entry('a', 0))).toEqual({ kind: 'entry' });
    expect(sessionOf(entry('a', 0)).classify(entry('b', 1))).toEqual({ kind: 'entry' });
  });

  it('calls a record that is an entry already a replay, and names its delta', () => {
    const session = sessionOf(entry('a', 0), entry('b', 1));
    expect(session.classify(entry('b', 1))).toEqual({ kind: 'replay', delta: 2 });
  });

  it('calls the same event at another offset a duplicate, and names the delta of the entry it repeats', () => {
    const session = sessionOf(entry('a', 0), entry('b', 1));
    expect(session.classify(entry('a', 7))).toEqual({ kind: 'duplicate', delta: 1 });
  });

  it.each<[string, Partial<Entry>]>([
    ['count', { tokens: [2] }],
    ['time', { time: 1_001 }],
    ['model', { shape: shapes.usage({ ...shape.dimensions, model: 'other' }, 1) }],
    ['bucket', { shape: shapes.usage(shape.dimensions, 2) }],
    ['kind', { shape: reason, tokens: [], target: 'target..........' as Identity }],
  ])('calls the same identity with another %s a conflict', (_what, change) => {
    expect(sessionOf(entry('a', 0)).classify({ ...entry('a', 1), ...change })).toEqual({ kind: 'conflict' });
  });

  it('calls voids of the same identity with other targets or reasons conflicts, and equal ones duplicates', () => {
    const one: Entry = { ...entry('v', 0), shape: reason, tokens: [], target: 'a...............' as Identity };
    const session = sessionOf(one);
    expect(session.classify({ ...one, offset: 1 })).toEqual({ kind: 'duplicate', delta: 1 });
    expect(session.classify({ ...one, offset: 1, target: 'b...............' as Identity })).toEqual({ kind: 'conflict' });
    expect(session.classify({ ...one, offset: 1, shape: shapes.void('other') })).toEqual({ kind: 'conflict' });
  });

  it('remembers every content of an identity, not only the first or the last', () => {
    const session = sessionOf(entry('a', 0, 1), entry('a', 1, 2), entry('a', 2, 3));
    expect([1, 2, 3].map((input) => session.classify(entry('a', 9, input)))).toEqual([
      { kind: 'duplicate', delta: 1 },
      { kind: 'duplicate', delta: 2 },
      { kind: 'duplicate', delta: 3 },
    ]);
    expect([0, 1, 2].map((offset) => session.classify(entry('a', offset, offset + 1)).kind)).toEqual(['replay', 'replay', 'replay']);
    expect(session.classify(entry('a', 9, 4))).toEqual({ kind: 'conflict' });
  });

  it('tells equal shapes that were interned apart from each other as equal', () => {
    const other = new Shapes(hash).usage(shape.dimensions, 1);
    expect(other).not.toBe(shape);
    expect(sessionOf(entry('a', 0)).classify({ ...entry('a', 1), shape: other }).kind).toBe('duplicate');
  });

  it('does not change the session', () => {
    const session = sessionOf();
    session.classify(entry('a', 0));
    expect(session.classify(entry('a', 1))).toEqual({ kind: 'entry' });
    expect(session.lastDelta).toBe(0);
  });
});

describe('SessionState', () => {
  const log = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c'), input: fc.nat({ max: 2 }) }), { maxLength: 30 });

  it('makes the first occurrence of each identity and content an entry, and nothing else', () => {
    fc.assert(
      fc.property(log, (records) => {
        const session = new SessionState();
        const entries: number[] = [];
        records.forEach(({ id, input }, offset) => {
          const one = entry(id, offset, input);
          if ('delta' in session.classify(one)) return;
          session.add(one, 1);
          entries.push(offset);
        });
        const first = new Map<string, number>();
        records.forEach(({ id, input }, offset) => {
          if (!first.has(`${id}${input}`)) first.set(`${id}${input}`, offset);
        });
        expect(entries).toEqual([...first.values()]);
      }),
    );
  });

  it('adds nothing when any part of its log is read again', () => {
    fc.assert(
      fc.property(log, fc.nat(), fc.nat(), (records, from, length) => {
        const session = sessionOf(...records.map(({ id, input }, offset) => entry(id, offset, input)));
        const start = from % (records.length + 1);
        const { lastDelta, memoryBytes } = session;
        records.slice(start, start + length).forEach(({ id, input }, i) => {
          expect(['replay', 'duplicate']).toContain(session.classify(entry(id, start + i, input)).kind);
        });
        expect(session).toMatchObject({ lastDelta, memoryBytes });
      }),
    );
  });

  it('is the same whether it was loaded from its deltas or folded', () => {
    fc.assert(
      fc.property(log, (records) => {
        const folded = sessionOf(...records.map(({ id, input }, offset) => entry(id, offset, input)));
        const loaded = new SessionState();
        records.forEach(({ id, input }, offset) => {
          const one = entry(id, offset, input);
          const decision = folded.classify(one);
          if (decision.kind === 'replay') loaded.add(one, decision.delta);
        });
        const probes = ['a', 'b', 'c', 'd'].flatMap((id) => [0, 1, 2, 3].map((input) => entry(id, 99, input)));
        expect(probes.map((probe) => loaded.classify(probe))).toEqual(probes.map((probe) => folded.classify(probe)));
        expect(loaded.lastDelta).toBe(folded.lastDelta);
      }),
    );
  });

  it('takes more memory with every entry', () => {
    expect(sessionOf(entry('a', 0), entry('b', 1)).memoryBytes).toBeGreaterThan(sessionOf(entry('a', 0)).memoryBytes);
  });
});
