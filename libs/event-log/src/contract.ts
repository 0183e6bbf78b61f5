/**
 * What every adapter of the event log must do, as a suite that each runs from its own spec. Assumes only what the port
 * says: conditions that come true eventually are awaited with a deadline, reads may return less than asked for.
 */
import { EventLogError, type EventLogErrorCode } from './errors';
import type { Draft, EventLog, LogRecord } from './event-log';
import { groupContract } from './group-contract';

/** One new, empty log and what a test may do to it. */
export interface EventLogSetup {
  readonly log: EventLog;
  /** Closes `log` and opens the same log again. */
  readonly reopen?: () => Promise<EventLog>;
  /** Drops everything below `start`, as retention does. */
  readonly trim?: (partition: number, start: number) => Promise<void>;
  /** Sets the clock that append times come from; for logs that run on the caller's clock. */
  readonly setTime?: (ms: number) => void;
  /** Also after `log.close()`. */
  readonly dispose: () => Promise<void>;
}

export interface EventLogContractOptions {
  readonly open: (partitions: number) => Promise<EventLogSetup>;
  /** What of the setup this adapter offers: without it the behaviours that need it are not declared. */
  readonly offers: { readonly reopen: boolean; readonly trim: boolean };
  /** How long something that must come may take, ms. */
  readonly deadlineMs?: number;
  /** How long to listen before believing that nothing comes, ms. */
  readonly quietMs?: number;
}

/** Declares one behaviour: a test with a log of its own. */
export type Behaviour = (title: string, act: (setup: EventLogSetup) => Promise<void>, partitions?: number) => void;

export interface Patience {
  /** Resolves when `condition` does not throw any more; rejects with its error at the deadline. */
  readonly eventually: (condition: () => void) => Promise<void>;
  /** Listens for a while. */
  readonly quiet: () => Promise<void>;
}

const PARTITIONS = 3;
/** Deadlines within one test: several conditions may each take theirs. */
const DEADLINES_PER_TEST = 6;
const POLL_MS = 5;

export function eventLogContract(name: string, { open, offers, deadlineMs = 2_000, quietMs = 40 }: EventLogContractOptions): void {
  const behaviour: Behaviour = (title, act, partitions = PARTITIONS) => {
    it(title, () => withSetup(open, partitions, act), deadlineMs * DEADLINES_PER_TEST);
  };
  const patience: Patience = {
    eventually: async (condition) => {
      const deadline = Date.now() + deadlineMs;
      for (;;) {
        try {
          condition();
          return;
        } catch (error) {
          if (Date.now() > deadline) throw error;
        }
        await sleep(POLL_MS);
      }
    },
    quiet: () => sleep(quietMs),
  };
  describe(`event log contract: ${name}`, () => {
    describe('appending', () => appending(behaviour));
    describe('reading', () => reading(behaviour));
    if (offers.trim) describe('retention', () => retention(behaviour));
    describe('time and epoch', () => timeAndEpoch(behaviour));
    describe('closing', () => closing(behaviour));
    if (offers.reopen) describe('opening again', () => reopening(behaviour));
    describe('a group of consumers', () => groupContract(behaviour, patience));
  });
}

/** A record to append; the same text can be found again in its value. */
export function draft(partition: number, text: string): Draft {
  return { partition, key: `tenant/${text}`, value: Buffer.from(text) };
}

export function textOf(record: LogRecord): string {
  return Buffer.from(record.value).toString();
}

function appending(behaviour: Behaviour): void {
  behaviour('gives each partition dense offsets from 0', async ({ log }) => {
    const first = await log.append([draft(0, 'a'), draft(1, 'b'), draft(0, 'c')]);
    const second = await log.append([draft(1, 'd'), draft(0, 'e')]);
    expect([...first, ...second].map(({ partition, offset }) => `${partition}:${offset}`)).toEqual(['0:0', '1:0', '0:1', '1:1', '0:2']);
    expect(await log.extents()).toEqual([{ start: 0, end: 3 }, { start: 0, end: 2 }, { start: 0, end: 0 }]);
  });

  behaviour('answers positions in the order given and keeps that order within a partition', async ({ log }) => {
    const drafts = Array.from({ length: 300 }, (_, i) => draft((i * 7) % PARTITIONS, `record ${i}`));
    const positions = await log.append(drafts);
    expect(positions.map(({ partition }) => partition)).toEqual(drafts.map(({ partition }) => partition));
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = await readAll(log, partition);
      expect(records.map(textOf)).toEqual(drafts.filter((one) => one.partition === partition).map((one) => Buffer.from(one.value).toString()));
      expect(positions.filter((one) => one.partition === partition).map(({ offset }) => offset)).toEqual(records.map(({ offset }) => offset));
    }
  });

  behaviour('keeps value and headers as they are', async ({ log }) => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
    const drafts: Draft[] = [
      { partition: 2, key: 'acme/Sitzung/δ/😀', value: everyByte, headers: { traceparent: '00-ab-cd-01', leer: '', ключ: 'ß' } },
      { partition: 2, key: '', value: new Uint8Array(0) },
    ];
    await log.append(drafts);
    const records = await readAll(log, 2);
    expect(records.map(({ value, headers }) => ({ value: [...value], headers: headers ?? {} }))).toEqual(
      drafts.map(({ value, headers }) => ({ value: [...value], headers: headers ?? {} })),
    );
  });

  behaviour('keeps a value of a megabyte less its frame', async ({ log }) => {
    const value = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31) & 0xff);
    await log.append([{ partition: 0, key: 'k', value }]);
    const [record] = await readAll(log, 0);
    expect(Buffer.compare(Buffer.from(record?.value ?? []), value)).toBe(0);
  });

  behaviour('keeps concurrent appends apart and loses none', async ({ log }) => {
    const calls = Array.from({ length: 60 }, (_, i) => [draft(i % PARTITIONS, `${i}.0`), draft((i + 1) % PARTITIONS, `${i}.1`), draft(i % PARTITIONS, `${i}.2`)]);
    const answers = await Promise.all(calls.map((drafts) => log.append(drafts)));
    const found = new Map<string, string>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = await readAll(log, partition);
      expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i));
      for (const record of records) found.set(`${partition}:${record.offset}`, textOf(record));
    }
    expect(found.size).toBe(180);
    answers.forEach((positions, call) => {
      expect(positions.map(({ partition, offset }) => found.get(`${partition}:${offset}`))).toEqual([`${call}.0`, `${call}.1`, `${call}.2`]);
      expect(positions[2]?.offset).toBeGreaterThan(positions[0]?.offset ?? Infinity);
    });
  });

  behaviour('appends nothing when nothing is given', async ({ log }) => {
    expect(await log.append([])).toEqual([]);
  });

  behaviour('rejects a partition that does not exist and appends nothing of that call', async ({ log }) => {
    await expectCode(log.append([draft(0, 'a'), draft(PARTITIONS, 'b')]), 'log_invalid');
    expect((await log.extents()).map(({ end }) => end)).toEqual([0, 0, 0]);
  });
}

function reading(behaviour: Behaviour): void {
  behaviour('describes its incarnation', async ({ log }) => {
    const { cluster, topic, partitions } = await log.describe();
    expect([cluster.length > 0, topic.length > 0, partitions]).toEqual([true, true, PARTITIONS]);
  });

  behaviour('reads from an offset on, up to the limit', async ({ log }) => {
    await log.append(Array.from({ length: 20 }, (_, i) => draft(1, `${i}`)));
    const records = await log.read(1, 5, 4);
    expect(records.length).toBeGreaterThan(0);
    expect(records.map(textOf)).toEqual(['5', '6', '7', '8'].slice(0, records.length));
    expect(records.map(({ partition, offset }) => [partition, offset])).toEqual(records.map((_, i) => [1, 5 + i]));
  });

  behaviour('reads nothing at the end', async ({ log }) => {
    await log.append([draft(0, 'a')]);
    expect(await log.read(0, 1, 10)).toEqual([]);
    expect(await log.read(1, 0, 10)).toEqual([]);
  });

  behaviour('rejects an offset beyond the end, and a partition that does not exist', async ({ log }) => {
    await log.append([draft(0, 'a')]);
    await expectCode(log.read(0, 2, 10), 'log_out_of_range');
    await expectCode(log.read(PARTITIONS, 0, 10), 'log_invalid');
  });
}

function retention(behaviour: Behaviour): void {
  behaviour('rejects an offset below the start, and goes on counting', async ({ log, trim }) => {
    await log.append(['a', 'b', 'c', 'd'].map((text) => draft(0, text)));
    await trim?.(0, 2);
    expect((await log.extents())[0]).toEqual({ start: 2, end: 4 });
    expect((await readAll(log, 0)).map(textOf)).toEqual(['c', 'd']);
    await expectCode(log.read(0, 1, 10), 'log_out_of_range');
    expect(await log.append([draft(0, 'e')])).toEqual([{ partition: 0, offset: 4 }]);
  });
}

function timeAndEpoch(behaviour: Behaviour): void {
  behaviour('stamps integer append times that never decrease within a partition, and one epoch', async ({ log, setTime }) => {
    for (const [i, ms] of [1_000_000_000_500, 1_000_000_000_200, 1_000_000_000_900].entries()) {
      setTime?.(ms);
      await log.append([draft(0, `${i}.0`), draft(0, `${i}.1`)]);
    }
    const records = await readAll(log, 0);
    const times = records.map(({ time }) => time);
    expect(times).toEqual(times.map(Math.trunc).sort((a, b) => a - b));
    if (setTime) expect(times).toEqual([500, 500, 500, 500, 900, 900].map((ms) => 1_000_000_000_000 + ms));
    expect(new Set(records.map(({ epoch }) => epoch)).size).toBe(1);
    expect(records[0]?.epoch).toBeGreaterThanOrEqual(0);
  });
}

function closing(behaviour: Behaviour): void {
  behaviour('answers every call with log_closed once closed', async ({ log }) => {
    await log.close();
    await log.close();
    await expectCode(log.append([draft(0, 'a')]), 'log_closed');
    await expectCode(log.read(0, 0, 1), 'log_closed');
    await expectCode(log.extents(), 'log_closed');
    await expectCode(log.describe(), 'log_closed');
  });
}

function reopening(behaviour: Behaviour): void {
  behaviour('has after reopening what was appended before, goes on from there, and raises the epoch', async ({ log, reopen, setTime }) => {
    setTime?.(2_000);
    await log.append([draft(0, 'a'), draft(1, 'b'), draft(0, 'c')]);
    const before = await log.describe();
    const again = reopen ? await reopen() : log;
    expect(await again.describe()).toEqual(before);
    expect((await again.extents()).map(({ end }) => end)).toEqual([2, 1, 0]);
    setTime?.(1_000);
    expect(await again.append([draft(0, 'd')])).toEqual([{ partition: 0, offset: 2 }]);
    const records = await readAll(again, 0);
    expect(records.map(textOf)).toEqual(['a', 'c', 'd']);
    const [first, second, third] = records;
    expect(second?.epoch).toBe(first?.epoch);
    expect(third?.epoch).toBeGreaterThan(second?.epoch ?? Infinity);
    expect(third?.time).toBeGreaterThanOrEqual(second?.time ?? Infinity);
  });
}

/** Everything a partition holds. */
async function readAll(log: EventLog, partition: number): Promise<LogRecord[]> {
  const extent = (await log.extents())[partition];
  const records: LogRecord[] = [];
  for (let offset = extent?.start ?? 0; offset < (extent?.end ?? 0); offset = (records.at(-1)?.offset ?? NaN) + 1) {
    records.push(...(await log.read(partition, offset, 1_000)));
  }
  return records;
}

async function expectCode(call: Promise<unknown>, code: EventLogErrorCode): Promise<void> {
  const error = await call.then(() => undefined, (cause: unknown) => cause);
  expect(error).toBeInstanceOf(EventLogError);
  expect((error as EventLogError).code).toBe(code);
}

async function withSetup(open: EventLogContractOptions['open'], partitions: number, act: (setup: EventLogSetup) => Promise<void>): Promise<void> {
  const setup = await open(partitions);
  try {
    await act(setup);
  } finally {
    await setup.dispose();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
