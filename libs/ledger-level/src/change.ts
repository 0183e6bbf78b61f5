/** The changes a ledger is asked for, as the committer judges them. */
import type { Clock } from '@meridian/accounting';
import type { Row, VersionedRow } from '@meridian/ledger';
import type { Change } from './committer';
import type { Write } from '@meridian/level';
import { cursorKey, decodeNumber, encodeNumber, outboxKey, rowKey, TRIMMED_KEY } from './keys';
import type { Outbox } from './outbox';
import { decodeHead, encodeOutboxRow, encodeRow, supersedes } from './row';

/** What a change of this replica's own rows is made with. */
export interface Origin {
  readonly clock: Clock;
  /** Absent: the table is not replicated. */
  readonly outbox: Outbox | undefined;
}

/** A row that another replica wrote. */
export interface ReplicatedRow {
  readonly key: Buffer;
  readonly row: Buffer;
}

export function inserting(row: Row, { clock, outbox }: Origin): Change<'inserted' | 'exists'> {
  const key = rowKey(row);
  return {
    keys: [key],
    bytes: key.length + row.value.length,
    judge: (look, write) => {
      if (look(key)) return 'exists';
      const time = clock.now();
      write({ type: 'put', key, value: encodeRow({ version: 0, time }, row.value) });
      if (outbox) write(outboxWrite(outbox, { time, key, row: undefined }));
      return 'inserted';
    },
  };
}

export function replacing(row: VersionedRow, { clock, outbox }: Origin): Change<'replaced' | 'stale'> {
  const key = rowKey(row);
  return {
    keys: [key],
    bytes: key.length + 2 * row.value.length,
    judge: (look, write) => {
      const stored = look(key);
      const head = stored && decodeHead(stored);
      if (head && head.version > row.version) return 'stale';
      // Later than what it replaces, even when the clock went back: the other replicas go by it.
      const time = Math.max(clock.now(), head ? head.time + 1 : 0);
      const value = encodeRow({ version: row.version, time }, row.value);
      write({ type: 'put', key, value });
      if (outbox) write(outboxWrite(outbox, { time, key, row: value }));
      return 'replaced';
    },
  };
}

/** Rows of the outbox of `source` up to number `through`. They do not enter this replica's own outbox. */
export function applying(source: string, rows: readonly ReplicatedRow[], through: number): Change<void> {
  const cursor = cursorKey(source);
  return {
    keys: [cursor, ...rows.map(({ key }) => key)],
    bytes: rows.reduce((sum, { key, row }) => sum + key.length + row.length, 0),
    judge: (look, write) => {
      if (decodeNumber(look(cursor)) >= through) return;
      for (const { key, row } of rows) if (supersedes(row, look(key))) write({ type: 'put', key, value: row });
      write({ type: 'put', key: cursor, value: encodeNumber(through) });
    },
  };
}

/** Drops the rows of the outbox up to number `through`. */
export function trimming(outbox: Outbox, through: number): Change<void> {
  return {
    keys: [TRIMMED_KEY],
    bytes: 0,
    judge: (look, write) => {
      const from = decodeNumber(look(TRIMMED_KEY)) + 1;
      if (from > through) return;
      for (let number = from; number <= through; number++) write({ type: 'del', key: outboxKey(number) });
      write({ type: 'put', key: TRIMMED_KEY, value: encodeNumber(through) });
      outbox.trimTo(through);
    },
  };
}

function outboxWrite(outbox: Outbox, row: Parameters<typeof encodeOutboxRow>[0]): Write {
  return { type: 'put', key: outboxKey(outbox.nextNumber()), value: encodeOutboxRow(row) };
}
