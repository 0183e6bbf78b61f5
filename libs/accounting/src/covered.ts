/**
 * A session's entries in a cover, and what became of each. Identities are compared as they lie in the rows; content is
 * decoded only where entries share one. Held per entry: eight bytes while they are compared, and at most the one byte
 * that says what became of it.
 */
import { word } from './bytes';
import type { Cover, CoverRange } from './cut';
import { DeltaRow, type DeltaCursor } from './delta';
import { sameContent, type Entry } from './entry';
import type { Identity } from './identity';
import { IdentityOrder } from './identity-order';
import type { LogId, StreamId } from './log-id';
import type { Shapes } from './shape';

/** One delta row of the session. */
export interface SessionDelta {
  readonly stream: StreamId;
  /** Number in its stream, from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

const OUTCOMES = ['counted', 'duplicate', 'conflict', 'voided', 'void'] as const;
/** What became of an entry in the cover. */
export type Outcome = (typeof OUTCOMES)[number];
/** Stands for an outcome where an entry lies outside the cover. */
const OUTSIDE = 255;

/** Where an entry lies. */
export interface Place {
  readonly log: LogId;
  readonly offset: number;
}

/** A delta of which something lies in the cover. */
export class CoveredDelta {
  /** Per entry: its outcome as an index of OUTCOMES, or OUTSIDE. Absent: all are 0. */
  private marks: Uint8Array | undefined;
  private cursor: DeltaCursor | undefined;

  constructor(
    readonly row: DeltaRow,
    readonly range: CoverRange,
    /** Number of its first entry among all entries of the session's deltas. */
    readonly first: number,
    private readonly shapes: Shapes,
  ) {}

  isOutside(position: number): boolean {
    return this.marks?.[position] === OUTSIDE;
  }

  markOutside(position: number): void {
    this.marks ??= new Uint8Array(this.row.count);
    this.marks[position] = OUTSIDE;
  }

  mark(position: number, outcome: Outcome): void {
    this.marks ??= new Uint8Array(this.row.count);
    this.marks[position] = OUTCOMES.indexOf(outcome);
  }

  /** To be asked for in ascending order, until `release()`. */
  entry(position: number): Entry {
    this.cursor ??= this.row.cursor(this.shapes);
    return this.cursor.seek(position).entry();
  }

  release(): void {
    this.cursor = undefined;
  }

  /** Calls `visit` for every entry that is not marked as outside. */
  each(visit: (entry: DeltaCursor, outcome: Outcome, position: number) => void): void {
    const cursor = this.row.cursor(this.shapes);
    for (let position = 0; cursor.next(); position++) {
      const mark = this.marks?.[position] ?? 0;
      if (mark === OUTSIDE) continue;
      visit(cursor, mark === 0 && cursor.shape.kind === 'void' ? 'void' : (OUTCOMES[mark] as Outcome), position);
    }
  }
}

/** One of the entries of the same identity. */
export interface Member {
  readonly delta: CoveredDelta;
  /** In its delta, from 0. */
  readonly position: number;
  readonly entry: Entry;
}

/** A void in the cover takes `target` out. */
interface Naming {
  readonly target: Identity;
  readonly by: Place;
  readonly rank: number;
}

export class CoveredSession {
  readonly deltas: CoveredDelta[] = [];
  /** By rank, then offset. */
  private readonly namings: Naming[] = [];
  private entries = 0;

  constructor(deltas: readonly SessionDelta[], cover: Cover, shapes: Shapes) {
    for (const { stream, bytes } of deltas) {
      const range = cover.range(stream);
      if (!range) continue;
      const row = new DeltaRow(bytes);
      const delta = new CoveredDelta(row, range, this.entries, shapes);
      if (!this.look(delta)) continue;
      this.deltas.push(delta);
      this.entries += row.count;
    }
    this.namings.sort((a, b) => a.rank - b.rank || a.by.offset - b.by.offset);
  }

  /** Streams with an entry in the cover. */
  get streamCount(): number {
    return new Set(this.deltas.map(({ range }) => range.stream)).size;
  }

  /** Marks what becomes of every entry that is not simply counted. */
  judge(): void {
    this.eachGroup('contested', (members, voidedBy) => {
      outcomes(members, voidedBy).forEach((outcome, i) => {
        const { delta, position } = members[i] as Member;
        delta.mark(position, outcome);
      });
    });
  }

  /**
   * Calls `visit` for the entries of each identity, in identity order, the one that counts first, with the voids that
   * name it. `contested`: leaves out entries that are alone and not named, mostly without decoding them.
   */
  eachGroup(which: 'all' | 'contested', visit: (members: readonly Member[], voidedBy: readonly Place[]) => void): void {
    this.order().eachRun(which === 'all' ? 1 : 2, (numbers) => {
      const members: Member[] = [];
      const named = new Map<Identity, Place[]>();
      for (const number of numbers) {
        const naming = this.namings[number - this.entries];
        if (!naming) members.push(this.member(number));
        else named.set(naming.target, [...(named.get(naming.target) ?? []), naming.by]);
      }
      members.sort(byIdentityThenPlace);
      for (let from = 0, to = 1; from < members.length; from = to++) {
        const { identity } = (members[from] as Member).entry;
        while (members[to]?.entry.identity === identity) to++;
        visit(members.slice(from, to), named.get(identity) ?? []);
      }
    });
    for (const delta of this.deltas) delta.release();
  }

  /** Entries and what voids name, numbered: the entries of all deltas first. */
  private order(): IdentityOrder {
    const order = new IdentityOrder(this.entries + this.namings.length);
    for (const delta of this.deltas) {
      for (let position = 0; position < delta.row.count; position++) {
        if (!delta.isOutside(position)) order.add(delta.row.firstWord(position), delta.first + position);
      }
    }
    this.namings.forEach(({ target }, i) => order.add(word(target, 0), this.entries + i));
    return order;
  }

  private member(number: number): Member {
    const { deltas } = this;
    let low = 0;
    for (let high = deltas.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((deltas[middle] as CoveredDelta).first <= number) low = middle;
      else high = middle;
    }
    const delta = deltas[low] as CoveredDelta;
    const position = number - delta.first;
    return { delta, position, entry: delta.entry(position) };
  }

  /** Marks what lies outside the cover and notes what voids inside name; false when nothing lies inside. */
  private look(delta: CoveredDelta): boolean {
    const { minOffset, maxOffset, hasVoid } = delta.row;
    const { from, to, rank, log } = delta.range;
    if (maxOffset < from || minOffset >= to) return false;
    if (minOffset >= from && maxOffset < to && !hasVoid) return true;
    let inside = 0;
    delta.each(({ offset, target }, _outcome, position) => {
      if (offset < from || offset >= to) {
        delta.markOutside(position);
        return;
      }
      inside++;
      if (target !== '') this.namings.push({ target, rank, by: { log, offset } });
    });
    return inside > 0;
  }
}

/** What becomes of the entries of one identity, of which the first counts. */
export function outcomes(members: readonly Member[], voidedBy: readonly Place[]): Outcome[] {
  const winner = (members[0] as Member).entry;
  const isVoid = winner.shape.kind === 'void';
  return members.map(({ entry }) => {
    if (entry === winner) return isVoid ? 'void' : voidedBy.length > 0 ? 'voided' : 'counted';
    if (!sameContent(entry, winner)) return 'conflict';
    return isVoid ? 'void' : 'duplicate';
  });
}

function byIdentityThenPlace(a: Member, b: Member): number {
  if (a.entry.identity !== b.entry.identity) return a.entry.identity < b.entry.identity ? -1 : 1;
  return a.delta.range.rank - b.delta.range.rank || a.entry.offset - b.entry.offset;
}
