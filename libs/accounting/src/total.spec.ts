import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { encodeDelta } from './delta';
import { hourOf, type Entry } from './entry';
import type { SessionDelta } from './covered';
import { Cover, type Cut } from './cut';
import type { Hash } from './environment';
import type { MeridianEvent } from './event';
import { streamId, type LogId } from './log-id';
import { encodeRecord, Judge } from './record';
import { Shapes } from './shape';
import { explain, total, type SessionTotal } from './total';
import { Usage } from './usage';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const shapes = new Shapes(hash);
const judge = new Judge(hash, shapes);
const HOUR = 3_600_000;
const NOW = Date.parse('2026-03-01T10:00:00Z');
const MAX = Number.MAX_SAFE_INTEGER;

/** The logs there are, in their order: partition 9 comes before 10. */
const LOGS = ['ap.0.0', 'eu.0.9', 'eu.0.10'] as const;

/** What a record of the session says: an event (id, content), or a void (id, target). */
interface Said {
  readonly id: string;
  /** Which of the contents an event of this id may have; for a void, what it names. */
  readonly content: number;
  readonly isVoid: boolean;
}

/** One log: its records, which offset each stream starts at, and how the streams were cut into deltas. */
interface WorldLog {
  readonly records: readonly Said[];
  /** Offsets at which the next stream takes over, ascending. */
  readonly takeovers: readonly number[];
  /** The cut's offset: records from here on are not in it. */
  readonly offset: number;
  /** Records that each stream's folder read beyond the end of its segment. */
  readonly overshoot: number;
  /** Entries per delta, in turn. */
  readonly flushes: readonly number[];
}
type World = readonly WorldLog[];

const said: fc.Arbitrary<Said> = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  content: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
  isVoid: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const worldLog: fc.Arbitrary<WorldLog> = fc
  .record({
    records: fc.array(said, { maxLength: 24 }),
    takeovers: fc.array(fc.nat({ max: 24 }), { maxLength: 3 }),
    offset: fc.nat({ max: 24 }),
    overshoot: fc.nat({ max: 10 }),
    flushes: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
  })
  .map((log) => {
    const offset = Math.min(log.offset, log.records.length);
    return { ...log, offset, takeovers: log.takeovers.filter((at) => at <= offset).sort((a, b) => a - b) };
  });
const world: fc.Arbitrary<World> = fc.array(worldLog, { minLength: 1, maxLength: LOGS.length });

/** A log of one stream without conflicts and voids, all of it in the cut. */
const agreed: fc.Arbitrary<WorldLog> = worldLog.map((log) => {
  const records = log.records.map((one) => ({ ...one, content: 0, isVoid: false }));
  return { ...log, records, offset: records.length, takeovers: [] };
});

/** The event that a record carries: contents differ in hour, model, buckets or counts. */
function eventOf({ id, content, isVoid }: Said): MeridianEvent {
  const head = { tenant: 'acme', session: 'session-1', source: 'chat', id };
  if (isVoid) {
    const target = { source: 'chat', id: 'abcde'[(id.charCodeAt(0) + content) % 5]! };
    return { ...head, kind: 'void', time: NOW, target, reason: content === 3 ? 'other' : 'sent twice' };
  }
  const usage = { ...head, kind: 'usage', time: NOW, provider: 'openai', model: 'gpt', counted: 'reported' } as const;
  const amount = id.charCodeAt(0);
  switch (content) {
    case 0: return { ...usage, tokens: { input: amount, output: 2 * amount } };
    case 1: return { ...usage, time: NOW - HOUR, tokens: { input: MAX, reasoning: 0 } };
    case 2: return { ...usage, model: 'gpt-mini', tokens: { cacheRead: amount, output: MAX } };
    default: return { ...usage, counted: 'estimated', tokens: { input: amount, output: 2 * amount } };
  }
}

// ——— The product's side: entries by the judge, deltas as a folder makes them. ———

function entryOf(record: Said, offset: number): Entry {
  const judgement = judge.judge({ offset, time: NOW, value: Buffer.from(encodeRecord(eventOf(record))) });
  if (judgement.kind !== 'accepted') throw new Error(judgement.message);
  return judgement.entry;
}

/** What each stream of the log holds: the first occurrence of each record's text from its start, past its segment's end. */
function streamsOf(log: WorldLog): { readonly from: number; readonly to: number; readonly kept: readonly number[] }[] {
  const starts = [0, ...log.takeovers];
  return starts.map((from, j) => {
    const to = starts[j + 1] ?? log.offset;
    const seen = new Set<string>();
    const kept: number[] = [];
    for (let offset = from; offset < Math.min(to + log.overshoot, log.records.length); offset++) {
      const text = encodeRecord(eventOf(log.records[offset]!));
      if (!seen.has(text)) kept.push(offset);
      seen.add(text);
    }
    return { from, to, kept };
  });
}

function deltasOf(given: World): SessionDelta[] {
  return given.flatMap((log, i) =>
    streamsOf(log).flatMap(({ kept }, j) => {
      const deltas: SessionDelta[] = [];
      for (let at = 0; at < kept.length; ) {
        const size = log.flushes[deltas.length % log.flushes.length]!;
        const entries = kept.slice(at, at + size).map((offset) => entryOf(log.records[offset]!, offset));
        const bytes = encodeDelta(entries, { hasConflict: false });
        deltas.push({ stream: streamId(LOGS[i] as LogId, j), number: deltas.length + 1, bytes });
        at += size;
      }
      return deltas;
    }),
  );
}

function cutOf(given: World): Cut {
  const logs = given.map((log, i) => ({
    log: LOGS[i] as LogId,
    offset: log.offset,
    asOf: 0,
    segments: [0, ...log.takeovers].map((from, j) => ({ stream: streamId(LOGS[i] as LogId, j), from, writer: 'eu', manifests: 1 })),
  }));
  return { k: 1, logs, lagging: [], asOf: 0, by: 'eu' };
}

function totalOf(given: World): SessionTotal {
  return total(deltasOf(given), new Cover(cutOf(given)), shapes);
}

// ——— The model: the definitions, on the raw logs. It knows nothing of entries, identities, shapes, deltas or covers. ———

function regionOf(log: number): string {
  return LOGS[log]!.split('.')[0]!;
}

interface ModelLine {
  events: number;
  tokens: Record<string, bigint>;
}
type ModelUsage = Map<string, ModelLine>;

function addTo(usage: ModelUsage, region: string, event: MeridianEvent): void {
  if (event.kind === 'void') return;
  const key = [Math.floor(event.time / HOUR), region, event.provider, event.model, event.counted].join(' ');
  const line = usage.get(key) ?? { events: 0, tokens: {} };
  usage.set(key, line);
  line.events++;
  for (const [bucket, count] of Object.entries(event.tokens)) line.tokens[bucket] = (line.tokens[bucket] ?? 0n) + BigInt(count);
}

/** The total straight from the logs: the first record of each id below the cut, unless a void below the cut names it. */
function modelTotal(given: World): { usage: ModelUsage; events: number; tokens: Record<string, bigint> } {
  const records = given.flatMap((log, i) => {
    return log.records.slice(0, log.offset).map((record) => ({ region: regionOf(i), event: eventOf(record) }));
  });
  const voided = new Set(records.flatMap(({ event }) => (event.kind === 'void' ? [event.target.id] : [])));
  const first = new Map<string, (typeof records)[number]>();
  for (const record of records) if (!first.has(record.event.id)) first.set(record.event.id, record);
  const usage: ModelUsage = new Map();
  for (const [id, { region, event }] of first) if (!voided.has(id)) addTo(usage, region, event);
  const tokens: Record<string, bigint> = {};
  for (const line of usage.values()) for (const [bucket, sum] of Object.entries(line.tokens)) tokens[bucket] = (tokens[bucket] ?? 0n) + sum;
  return { usage, events: [...usage.values()].reduce((sum, line) => sum + line.events, 0), tokens };
}

interface Counts {
  readonly counted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly voided: number;
  readonly void: number;
}

/** What becomes of each kept record inside its segment, and the usage of all of them: what the manifests say. */
function modelEntries(given: World): { usage: ModelUsage; counts: Counts; streams: number } {
  const usage: ModelUsage = new Map();
  const counts = { counted: 0, duplicate: 0, conflict: 0, voided: 0, void: 0 };
  const inside = given.flatMap((log, i) =>
    streamsOf(log).flatMap(({ from, to, kept }, j) =>
      kept.filter((offset) => offset >= from && offset < to).map((offset) => {
        return { stream: `${i} ${j}`, region: regionOf(i), event: eventOf(log.records[offset]!) };
      }),
    ),
  );
  const voided = new Set(inside.flatMap(({ event }) => (event.kind === 'void' ? [event.target.id] : [])));
  const winners = new Map<string, MeridianEvent>();
  for (const { region, event } of inside) {
    addTo(usage, region, event);
    const winner = winners.get(event.id);
    if (!winner) winners.set(event.id, event);
    if (winner && JSON.stringify(winner) !== JSON.stringify(event)) counts.conflict++;
    else if (event.kind === 'void') counts.void++;
    else if (winner) counts.duplicate++;
    else if (voided.has(event.id)) counts.voided++;
    else counts.counted++;
  }
  return { usage, counts, streams: new Set(inside.map(({ stream }) => stream)).size };
}

function asModel(usage: Usage): ModelUsage {
  return new Map(
    usage.lines().map(({ hour, region, dimensions: { provider, model, counted }, events, tokens }) => {
      return [[hour, region, provider, model, counted].join(' '), { events, tokens: { ...tokens } }];
    }),
  );
}

/** `usage` less `correction`; sums that are zero are left out, since after subtracting a zero and an absent bucket are alike. */
function difference(usage: ModelUsage, correction: ModelUsage): unknown {
  const lines = [...new Set([...usage.keys(), ...correction.keys()])].sort().map((key) => {
    const [plus, minus] = [usage.get(key), correction.get(key)];
    const buckets = [...new Set([...Object.keys(plus?.tokens ?? {}), ...Object.keys(minus?.tokens ?? {})])].sort();
    const tokens = buckets.map((bucket) => [bucket, (plus?.tokens[bucket] ?? 0n) - (minus?.tokens[bucket] ?? 0n)] as const);
    return { key, events: (plus?.events ?? 0) - (minus?.events ?? 0), tokens: tokens.filter(([, sum]) => sum !== 0n) };
  });
  return lines.filter(({ events, tokens }) => events !== 0 || tokens.length > 0);
}

/** What must never change, whatever the way the events took. */
function summary({ tokens, events }: SessionTotal): unknown {
  return { tokens, events };
}

function roll(dice: fc.Stream<number>): number {
  return dice.next().value as number;
}

const runs = { numRuns: 200 };

describe('total', () => {
  it('equals the model: the first record of each identity below the cut, minus the voided', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { tokens, events, usage } = totalOf(given);
        expect({ tokens, events, usage: asModel(usage) }).toEqual(modelTotal(given));
      }),
      { numRuns: 500 },
    );
  });

  it('counts what became of every entry as the model does', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { counts, streams } = modelEntries(given);
        const { counted: events, duplicate: duplicates, conflict: conflicts, voided } = counts;
        const isPlain = streams <= 1 && conflicts === 0 && counts.void === 0;
        expect(totalOf(given)).toMatchObject({ events, duplicates, conflicts, voided, streams, isPlain });
      }),
      runs,
    );
  });

  it('is the usage that the manifests say, less the correction, in every hour, region and dimension', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { usage, correction } = totalOf(given);
        expect(difference(modelEntries(given).usage, asModel(correction))).toEqual(difference(asModel(usage), new Map()));
      }),
      runs,
    );
  });

  it('takes a repeat that another stream holds out of the events and puts it among the repeats', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { duplicates, correction } = totalOf(given);
        expect(correction.lines().reduce((sum, line) => sum - line.duplicates, 0)).toBe(duplicates);
      }),
    );
  });

  it('has no correction for a plain session', () => {
    fc.assert(
      fc.property(worldLog, (log) => {
        const once = log.records.filter((record, i) => !record.isVoid && log.records.findIndex(({ id }) => id === record.id) === i);
        const { isPlain, correction } = totalOf([{ ...log, records: once, offset: once.length, takeovers: [] }]);
        expect({ isPlain, isEmpty: correction.isEmpty }).toEqual({ isPlain: true, isEmpty: true });
      }),
    );
  });

  it('does not depend on the order in which deltas are read', () => {
    fc.assert(
      fc.property(world, fc.infiniteStream(fc.nat()), (given, dice) => {
        const deltas = deltasOf(given);
        const shuffled = deltas.map((delta) => ({ delta, at: roll(dice) })).sort((a, b) => a.at - b.at).map(({ delta }) => delta);
        const cover = new Cover(cutOf(given));
        const [a, b] = [total(deltas, cover, shapes), total(shuffled, cover, shapes)];
        expect({ ...a, usage: a.usage.lines(), correction: a.correction.lines() }).toEqual({
          ...b, usage: b.usage.lines(), correction: b.correction.lines(),
        });
      }),
      runs,
    );
  });

  it('does not depend on how streams were split into deltas', () => {
    fc.assert(
      fc.property(world, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }), (given, flushes) => {
        const [a, b] = [totalOf(given), totalOf(given.map((log) => ({ ...log, flushes })))];
        expect({ ...a, usage: a.usage.lines(), correction: a.correction.lines() }).toEqual({
          ...b, usage: b.usage.lines(), correction: b.correction.lines(),
        });
      }),
      runs,
    );
  });

  it('is idempotent: a delta that is read twice adds nothing', () => {
    fc.assert(
      fc.property(world, (given) => {
        const deltas = deltasOf(given);
        expect(summary(total([...deltas, ...deltas], new Cover(cutOf(given)), shapes))).toEqual(summary(totalOf(given)));
      }),
      runs,
    );
  });

  it('does not change when any record is delivered again, later in its log or in another one', () => {
    fc.assert(
      fc.property(world, fc.nat(), fc.nat(), (given, from, pick) => {
        const below = given.flatMap((log) => log.records.slice(0, log.offset));
        fc.pre(below.length > 0);
        const again = below[pick % below.length]!;
        // Into the last log: a resend that a smaller log or offset holds may win, and then it is the same event all the same.
        const at = from % given.length;
        fc.pre(at === given.length - 1 || new Set(below.filter(({ id }) => id === again.id).map((one) => JSON.stringify(one))).size === 1);
        const resent = given.map((log, i) => {
          return i === at ? { ...log, records: [...log.records.slice(0, log.offset), again], offset: log.offset + 1 } : log;
        });
        expect(summary(totalOf(resent))).toEqual(summary(totalOf(given)));
      }),
      runs,
    );
  });

  it('does not depend on which log a record came by, when there are no conflicts', () => {
    fc.assert(
      fc.property(fc.array(agreed, { minLength: 1, maxLength: LOGS.length }), fc.infiniteStream(fc.nat()), (given, dice) => {
        const moved = given.map((log) => ({ ...log, records: [] as Said[] }));
        for (const record of given.flatMap((log) => log.records)) moved[roll(dice) % moved.length]!.records.push(record);
        expect(summary(totalOf(moved.map((log) => ({ ...log, offset: log.records.length }))))).toEqual(summary(totalOf(given)));
      }),
      runs,
    );
  });

  it('does not depend on where a void stands: before its target, after it, or in another log', () => {
    fc.assert(
      fc.property(world, fc.nat({ max: 24 }), fc.nat(), fc.nat(), (given, offset, i, j) => {
        const fresh: Said = { id: 'z', content: 0, isVoid: true };
        const withVoid = (index: number, at: number): World =>
          given.map((log, k) => {
            if (k !== index % given.length) return log;
            const before = Math.min(at, log.offset);
            const records = [...log.records.slice(0, before), fresh, ...log.records.slice(before)];
            return { ...log, records, offset: log.offset + 1, takeovers: log.takeovers.map((from) => (from > before ? from + 1 : from)) };
          });
        expect(summary(totalOf(withVoid(i, offset)))).toEqual(summary(totalOf(withVoid(j, 24 - offset))));
      }),
      runs,
    );
  });

  it('is a union: it counts what is in either of two logs, and nothing twice', () => {
    fc.assert(
      fc.property(agreed, agreed, agreed, (a, b, c) => {
        const of = (...logs: WorldLog[]): unknown => summary(totalOf(logs));
        const joined = (x: WorldLog, y: WorldLog): WorldLog => {
          return { ...x, records: [...x.records, ...y.records], offset: x.offset + y.offset };
        };
        expect(of(a, b)).toEqual(of(b, a));
        expect(of(a, a)).toEqual(of(a));
        expect(of(joined(a, b), c)).toEqual(of(a, joined(b, c)));
        expect(of(a, b, c)).toEqual(of(joined(joined(a, b), c)));
      }),
      runs,
    );
  });

  it('of a cut never changes when streams go on', () => {
    fc.assert(
      fc.property(world, fc.nat({ max: 10 }), (given, overshoot) => {
        expect(summary(totalOf(given.map((log) => ({ ...log, overshoot }))))).toEqual(summary(totalOf(given)));
      }),
      runs,
    );
  });

  it('ignores deltas of streams that the cut does not know', () => {
    fc.assert(
      fc.property(world, (given) => {
        const strange = deltasOf(given).map((delta) => ({ ...delta, stream: streamId('zz.0.0' as LogId, 0) }));
        expect(summary(total([...deltasOf(given), ...strange], new Cover(cutOf(given)), shapes))).toEqual(summary(totalOf(given)));
      }),
    );
  });

  it('of nothing is nothing', () => {
    const { tokens, events, usage, correction, isPlain } = total([], new Cover(cutOf([])), shapes);
    expect({ tokens, events, isPlain }).toEqual({ tokens: {}, events: 0, isPlain: true });
    expect([usage.isEmpty, correction.isEmpty]).toEqual([true, true]);
  });

  it('finds duplicates among identities that begin alike', () => {
    const identity = (tail: string): Entry['identity'] => `same${tail.padEnd(12, '.')}` as Entry['identity'];
    const base = entryOf({ id: 'a', content: 0, isVoid: false }, 0);
    const entries = ['x', 'y', 'z'].map((tail, offset) => ({ ...base, identity: identity(tail), offset }));
    const deltas = [entries, entries.slice(1)].map((some, i) => {
      return { stream: streamId(LOGS[i] as LogId, 0), number: 1, bytes: encodeDelta(some, { hasConflict: false }) };
    });
    const cover = new Cover(cutOf([0, 1].map(() => ({ records: [], takeovers: [], offset: 3, overshoot: 0, flushes: [1] }))));
    expect(total(deltas, cover, shapes)).toMatchObject({ events: 3, duplicates: 2, conflicts: 0, streams: 2 });
  });

  it('is exact beyond 2^53', () => {
    const records = ['a', 'b', 'c'].map((id): Said => ({ id, content: 2, isVoid: false }));
    const { tokens } = totalOf([{ records, takeovers: [], offset: 3, overshoot: 0, flushes: [1] }]);
    expect(tokens.output).toBe(3n * BigInt(MAX));
  });
});

describe('explain', () => {
  it('says of every entry in the cover what became of it, as the total counts it', () => {
    fc.assert(
      fc.property(world, (given) => {
        const counts = { counted: 0, duplicate: 0, conflict: 0, voided: 0, void: 0 };
        for (const { outcome } of explain(deltasOf(given), new Cover(cutOf(given)), shapes)) counts[outcome]++;
        expect(counts).toEqual(modelEntries(given).counts);
      }),
      runs,
    );
  });

  it('adds up to the total', () => {
    fc.assert(
      fc.property(world, (given) => {
        const usage = new Usage();
        for (const { entry, log, outcome } of explain(deltasOf(given), new Cover(cutOf(given)), shapes)) {
          if (outcome === 'counted') usage.addEvent(hourOf(entry.time), log.split('.')[0]!, entry.shape, entry.tokens);
        }
        expect(usage.lines()).toEqual(totalOf(given).usage.lines());
      }),
      runs,
    );
  });

  it('puts entries of one identity together, in order of identity, the one that counts first, and names it', () => {
    fc.assert(
      fc.property(world, (given) => {
        const standings = explain(deltasOf(given), new Cover(cutOf(given)), shapes);
        expect(standings.map(({ entry }) => entry.identity)).toEqual(standings.map(({ entry }) => entry.identity).sort());
        standings.forEach(({ entry, log, winner }, i) => {
          const first = standings.find((one) => one.entry.identity === entry.identity)!;
          expect(winner).toEqual(standings[i] === first ? undefined : { log: first.log, offset: first.entry.offset });
          const rank = LOGS.indexOf(log as (typeof LOGS)[number]) - LOGS.indexOf(first.log as (typeof LOGS)[number]);
          expect(rank > 0 || (rank === 0 && entry.offset >= first.entry.offset)).toBe(true);
        });
      }),
      runs,
    );
  });

  it('names the voids that take an identity out, wherever they stand', () => {
    const records: Said[] = [{ id: 'v', content: 1, isVoid: true }, { id: 'b', content: 0, isVoid: false }];
    const names = eventOf(records[0]!);
    if (names.kind !== 'void') throw new Error('the first record is a void');
    const target: Said = { id: names.target.id, content: 0, isVoid: false };
    const log = { takeovers: [], overshoot: 0, flushes: [1] };
    const given: World = [{ ...log, records: [records[0]!, target], offset: 2 }, { ...log, records: [target], offset: 1 }];
    const standings = explain(deltasOf(given), new Cover(cutOf(given)), shapes);
    const by = [{ log: 'ap.0.0', offset: 0 }];
    expect(standings.filter(({ outcome }) => outcome !== 'void')).toMatchObject([
      { outcome: 'voided', log: 'ap.0.0', voidedBy: by, winner: undefined },
      { outcome: 'duplicate', log: 'eu.0.9', voidedBy: by, winner: { log: 'ap.0.0', offset: 1 } },
    ]);
  });
});
