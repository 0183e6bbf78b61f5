/**
 * The fold of one stream: records of one log in, deltas, quarantine rows and manifests out. Safe to crash after every
 * step and safe beside a zombie folding the same stream: everything is inserted under a name, whoever comes second
 * reads what is there and classifies again. Calls must not overlap (`FoldService` sees to it).
 */
import {
  DELTA_ENTRIES_MAX, decodeDelta, encodeDelta, encodeManifest, invariant, InvariantViolation, Judge,
  parseLogId, SessionState, Shapes,
  type Clock, type Decision, type Entry, type Hash, type LogId, type Segment, type StreamId,
} from '@meridian/accounting';
import type { EventLog, Extent, LogRecord } from '@meridian/event-log';
import { keys, LedgerError, type Key, type Ledger, type Page, type Row } from '@meridian/ledger';
import { Continuity } from './continuity';
import { PipelineError } from '../errors';
import { checkFingerprint, fingerprintOf, lastManifest, type LastManifest } from './fingerprint';
import { FoldBuffer } from './fold-buffer';
import type { Unfolded } from './lag';
import { eachLimited, sharing } from '../loop';
import type { Probe } from '../probe';
import { quarantineRow } from './quarantine';
import { RunAhead } from './run-ahead';
import { Sessions, type FoldedSession } from './sessions';
import { Tally } from './tally';

export interface FoldSettings {
  /** Deltas are written when the oldest record that waits has waited this long. Manifests come when the log was sampled. */
  readonly flushAgeMs: number;
  /** … or when no record came for this long: the log is idle, waiting saves nothing. */
  readonly flushIdleMs: number;
  /** … or when the buffered records take this many bytes. */
  readonly bufferBytesMax: number;
  /** Memory for what is remembered of sessions between flushes. */
  readonly stateBytesMax: number;
  /** Sessions settled at the same time. */
  readonly concurrency: number;
  /** Entries in one delta, at most `DELTA_ENTRIES_MAX`; what a flush has beyond that becomes further deltas. */
  readonly deltaEntriesMax: number;
}

export const FOLD_DEFAULTS: FoldSettings = {
  flushAgeMs: 1_000,
  flushIdleMs: 200,
  bufferBytesMax: 1024 * 1024,
  stateBytesMax: 256 * 1024 * 1024,
  concurrency: 32,
  deltaEntriesMax: DELTA_ENTRIES_MAX,
};

/** A flush comes before its manifest can grow to this: DynamoDB's limit of an item is 400 KB. */
const MANIFEST_BYTES_MAX = 200 * 1024;
/** Sort keys of deltas that are remembered. */
const DELTA_SKS_MAX = 1_000;
/** Lost races in a row before a flush gives up for now. */
const ATTEMPTS_MAX = 50;

export interface FoldParts {
  readonly log: EventLog;
  /** The replica of the region that writes the stream. */
  readonly ledger: Ledger;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly probe: Probe;
}

export interface FoldTarget {
  readonly partition: number;
  readonly log: LogId;
  /** The log's segments up to the one to write, which is the last: its stream, and the offset from which it answers. */
  readonly segments: readonly Segment[];
}

export class Folder {
  protected readonly shapes: Shapes;
  protected readonly stream: StreamId;
  protected readonly region: string;
  private readonly from: number;
  /** Sort keys of the stream's deltas in any session. */
  private readonly deltaRange: ReturnType<typeof keys.deltaRange>;
  /** Those of the first few, by number: most sessions have no more. */
  private readonly deltaSks: string[] = [];
  private readonly judge: Judge;
  private readonly sessions: Sessions;
  private buffer = new FoldBuffer();
  private tally: Tally;
  /** Number of the stream's last manifest, and where the next one starts. */
  protected manifest = 0;
  protected start = 0;
  /** One past the last offset of which everything but the manifest is written. */
  private written = 0;
  /** Offset of the next record to take. */
  protected next = 0;
  /** Ends by samples: the newest, and the one that the next manifest is for. */
  private sampledEnd = 0;
  private manifestTo = 0;
  private readonly continuity: Continuity;
  private readonly runAhead: RunAhead;

  constructor(
    protected readonly parts: FoldParts,
    protected readonly target: FoldTarget,
    protected readonly settings: FoldSettings,
  ) {
    this.shapes = new Shapes(parts.hash);
    this.judge = new Judge(parts.hash, this.shapes);
    this.continuity = new Continuity(parts.hash, (last) => this.assertIntact(last));
    const segment = target.segments.at(-1);
    invariant(segment, `${target.log} has no segment to write`);
    this.stream = segment.stream;
    this.from = segment.from;
    this.deltaRange = keys.deltaRange(this.stream, 1);
    this.runAhead = this.createRunAhead();
    this.region = parseLogId(target.log).region;
    this.sessions = new Sessions(settings.stateBytesMax);
    this.tally = new Tally(this.region);
  }

  /** One past the last offset that is durable in the ledger, manifest included. */
  get folded(): number {
    return this.start;
  }

  /** From where the log is not written to the ledger, and the append time of the first record held of that. */
  get unfolded(): Unfolded {
    return { from: this.written, oldest: this.isWaiting ? this.buffer.firstAppended : undefined };
  }

  /**
   * Finds where the stream stands and answers the offset to read from. Forgets whatever was buffered. Rejects with
   * `log_truncated` or `log_gap` when the log is not the one the last manifest was made from.
   */
  async open(): Promise<number> {
    this.continuity.open(await this.moveToLastManifest());
    await this.runAhead.open(this.manifest, async () => (await this.extent()).end);
    this.next = this.start;
    this.buffer.empty();
    this.begin();
    return this.next;
  }

  /** Takes records, in offset order without gaps; flushes by itself whenever the buffer is full. */
  async offer(records: readonly LogRecord[]): Promise<void> {
    let now = this.parts.clock.now();
    for (const record of records) {
      if (this.buffer.bytes >= this.settings.bufferBytesMax || this.buffer.manifestBytes >= MANIFEST_BYTES_MAX) {
        await this.flush();
        now = this.parts.clock.now();
      }
      if (record.offset < this.next) continue;
      if (record.offset > this.next) throw new InvariantViolation(`${this.target.log}: got offset ${record.offset}, expected ${this.next}`);
      if (!this.continuity.isSame(record)) await this.assertFollows(record);
      // The judgement may throw (unknown rules): nothing of the record is taken then.
      const judgement = this.judge.judge(record);
      this.buffer.note(record, now);
      if (judgement.kind === 'accepted') this.buffer.addAccepted(judgement, this.sessions.get(judgement.tenant, judgement.session));
      else this.buffer.addQuarantined(record, judgement);
      this.continuity.take(record);
      this.next = record.offset + 1;
    }
  }

  /** Something is taken that is not written. */
  get isWaiting(): boolean {
    return this.buffer.waiting > 0;
  }

  /** Whether it is time to write what waits. */
  isDue(now: number): boolean {
    const { buffer, settings } = this;
    return this.isWaiting && (now - buffer.firstAt >= settings.flushAgeMs || now - buffer.lastAt >= settings.flushIdleMs);
  }

  /** The log ended at `end` when a sample was taken. */
  sampled(end: number): void {
    this.sampledEnd = Math.max(this.sampledEnd, end);
  }

  /** Whether a manifest is due: everything below a sample is taken, and is not in a manifest. One sample after the other: who is behind never gets to the newest. */
  get owesManifest(): boolean {
    if (this.manifestTo <= this.start) this.manifestTo = this.sampledEnd;
    return this.start < this.manifestTo && this.manifestTo <= this.next;
  }

  /**
   * Writes everything taken so far, up to a manifest. On rejection the buffer is kept: calling again goes on where it failed.
   */
  async flush(): Promise<void> {
    const { buffer } = this;
    const { last } = buffer;
    if (!last) return;
    const end = last.offset + 1;
    const fingerprint = fingerprintOf(last, this.parts.hash);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      await this.write();
      const { tally } = this;
      const counts = { entries: tally.entries, duplicates: tally.duplicates, quarantined: buffer.quarantined.length };
      invariant(
        counts.entries + counts.duplicates + counts.quarantined === end - this.start,
        `${this.target.log}: ${JSON.stringify(counts)} do not make up [${this.start}, ${end})`,
      );
      const { digest, usage } = tally;
      const value = encodeManifest({ start: this.start, end, fingerprint, rules: buffer.rules, counts, digest, touched: tally.touched(), usage }, this.shapes);
      const answer = await this.insert({ ...keys.manifest(this.stream, this.manifest + 1), value });
      if (answer === 'inserted') {
        this.manifest++;
        this.start = end;
        this.begin();
        return;
      }
      // Someone else (or an earlier self, unanswered) was first: go on from what is there.
      const manifest = await this.moveToLastManifest();
      if (this.start >= end) {
        // What was taken is in it; what comes next must follow what it was made of.
        this.continuity.open(manifest);
        this.next = this.start;
        this.begin();
        return;
      }
      this.takeBack();
    }
    throw new PipelineError('contended', `${this.stream}: ${ATTEMPTS_MAX} manifests in a row were written by someone else first`);
  }

  /**
   * Writes everything taken so far except for a manifest, which comes when the log was sampled: until then no cut has it,
   * but it is in the live total. On rejection calling again goes on where it failed.
   */
  async write(): Promise<void> {
    const { buffer, tally } = this;
    const { clock, probe } = this.parts;
    if (!this.isWaiting) return;
    await this.runAhead.begin(this.manifest, buffer.firstEpoch);
    const began = clock.now();
    const quarantined = buffer.quarantined.length - buffer.quarantinedWritten;
    await sharing(buffer.sessions, this.settings.concurrency, (next) => this.settleSessions(next));
    await eachLimited(buffer.quarantined.slice(buffer.quarantinedWritten), this.settings.concurrency, async (one) => {
      // Nobody looks whether it is there, as cuts do with deltas: an outcome that is not known is asked for again.
      await this.parts.ledger.insert(quarantineRow(this.target.log, one, this.parts.hash));
    });
    buffer.quarantinedWritten = buffer.quarantined.length;
    const { waiting: records, firstAppended, traces } = buffer;
    buffer.endWrite();
    this.sessions.shrink();
    this.written = this.next;
    const now = clock.now();
    probe.flushed({
      log: this.target.log, records, quarantined, ...tally.tell(), durationMs: now - began, ageMs: now - firstAppended, traces: traces.kept,
    });
  }

  /** Gives the stream up, to be called last: nothing is written after it. What waits is not written. */
  async leave(): Promise<void> {
    await this.runAhead.end({ manifest: this.manifest, start: this.start });
  }

  /** Someone else's manifest came first: what was written and lies beyond it is classified again. */
  protected takeBack(): void {
    this.buffer.recall(this.start);
    this.tally = new Tally(this.region);
  }

  /**
   * Another leader wrote it: what came before must be in the log still, also what others folded. Where a folder before
   * this one may have written deltas, nobody knows whether the log was cut below them.
   */
  private async assertFollows(record: LogRecord): Promise<void> {
    if (this.runAhead.isDoubtful(record, this.continuity.isAtStart)) {
      throw new PipelineError('stream_doubtful', `${this.stream}: another leader wrote ${record.offset}, and deltas of what was there before may be left: a new stream goes on`);
    }
    await this.continuity.assertFollows(record);
    const newest = await lastManifest(this.parts.ledger, this.target.segments, this.shapes);
    if (newest) await this.assertIntact(newest);
  }

  /** With nothing taken since the last manifest. */
  private begin(): void {
    this.runAhead.covered();
    this.buffer = new FoldBuffer();
    this.tally = new Tally(this.region);
  }

  /**
   * What this stream has of the session, of which `first` is the first page: its own deltas, never another stream's. Most
   * sessions that are not remembered are new: they cost no second promise.
   */
  protected load(session: FoldedSession, first: Page): SessionState | Promise<SessionState> {
    return first.rows.length === 0 && first.next === undefined ? this.newState() : this.loadDeltas(session, first);
  }

  private async loadDeltas({ tenant, session, pk }: FoldedSession, first: Page): Promise<SessionState> {
    const state = this.newState();
    for (let page = first; ; ) {
      for (const row of page.rows) this.addDelta(state, row, keys.delta(tenant, session, this.stream, state.lastDelta + 1));
      if (page.next === undefined) return state;
      page = await this.parts.ledger.query(pk, { ...this.deltaRange, after: page.next }, CONSISTENT);
    }
  }

  private addDelta(state: SessionState, { sk, value }: Row, expected: Key): void {
    invariant(sk === expected.sk, `${expected.pk}: delta ${expected.sk} is missing`);
    const number = state.lastDelta + 1;
    const entries = decodeDelta(value, this.shapes).sort((a, b) => a.offset - b.offset);
    for (const entry of entries) state.add(entry, number);
  }

  protected newState(): SessionState {
    return new SessionState();
  }

  protected createRunAhead(): RunAhead {
    return new RunAhead(this.parts, this.stream);
  }

  /** The delta that must be present for this record, whatever its class: `written` is the one just written for it. */
  protected neededDelta(decision: Decision, written: number): number {
    return 'delta' in decision ? decision.delta : written;
  }

  /** Usage is over the stream's entries, replays included: it says what the log holds, not what this process did. */
  protected countsAsEntry(decision: Decision): boolean {
    return decision.kind !== 'duplicate';
  }

  /** Where the stream's last manifest ends; its start when there is none. Checks that the log still is what it was. */
  private async moveToLastManifest(): Promise<LastManifest | undefined> {
    const last = await lastManifest(this.parts.ledger, this.target.segments, this.shapes);
    this.written = last?.next ?? this.from;
    if (last) await this.assertIntact(last);
    this.manifest = last?.number ?? 0;
    this.start = this.written;
    return last;
  }

  private async extent(): Promise<Extent> {
    const { partition } = this.target;
    const extent = (await this.parts.log.extents())[partition];
    invariant(extent, `partition ${partition} does not exist`);
    return extent;
  }

  protected async assertIntact(last: LastManifest): Promise<void> {
    const { partition, log } = this.target;
    const extent = await this.extent();
    const intactness = await checkFingerprint(this.parts, { ...extent, partition }, last);
    if (intactness === 'same') return;
    const [code, what] =
      intactness === 'truncated'
        ? (['log_truncated', `${last.fingerprint ? `the record at ${last.end - 1} is not the one that was folded` : `it ends before ${last.end}`}: the log was truncated or re-created under its name`] as const)
        : (['log_gap', `retention removed records from ${last.next} on before they were counted`] as const);
    throw new PipelineError(code, `${log} is stopped: ${what} (runbook: ${code})`);
  }

  /** Settles one session after the other: one frame for many of them, since a frame costs as much as a small session. */
  private async settleSessions(next: () => FoldedSession | undefined): Promise<void> {
    const { ledger } = this.parts;
    for (let session = next(); session; session = next()) {
      // Written by a former attempt.
      if (session.waiting.length === 0) continue;
      for (let attempt = 1; ; attempt++) {
        let { state } = session;
        if (!state) {
          const loaded = this.load(session, await ledger.query(session.pk, this.deltaRange, CONSISTENT));
          state = loaded instanceof SessionState ? loaded : await loaded;
        }
        // Put back when everything it says is durable: a failure below must not leave a state that runs ahead.
        session.state = undefined;
        const plan = this.plan(session, state);
        let answer: 'inserted' | 'exists' = 'inserted';
        try {
          for (let at = 0; at < plan.rows.length && answer === 'inserted'; at++) answer = await ledger.insert(plan.rows[at] as Row);
        } catch (error) {
          answer = afterInsert(error);
        }
        if (answer === 'inserted') {
          this.sessions.settle(session, state);
          this.count(session, plan);
          this.buffer.noteWritten(session);
          break;
        }
        // A number was taken: the session must be loaded again.
        if (attempt === ATTEMPTS_MAX) {
          throw new PipelineError('contended', `${this.stream}: deltas of one session were written by someone else first, ${ATTEMPTS_MAX} times in a row`);
        }
      }
    }
  }

  /** Classifies in offset order and adds what is new to the state, under the delta numbers it is going to have. */
  private plan(session: FoldedSession, state: SessionState): Plan {
    const entries = session.waiting;
    const firstDelta = state.lastDelta + 1;
    const { deltaEntriesMax } = this.settings;
    const plan: Plan = { fresh: entries, repeats: NO_REPEATS, rows: NO_ROWS, neededDelta: 0, conflicts: 0 };
    let added = 0;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at] as Entry;
      const decision = state.classify(entry);
      let written = 0;
      if ('delta' in decision) {
        // Nothing is copied before the first repeat: mostly there is none.
        if (plan.repeats === NO_REPEATS) [plan.fresh, plan.repeats] = [entries.slice(0, at), []];
        plan.repeats.push({ entry, decision });
      } else {
        written = firstDelta + Math.floor(added++ / deltaEntriesMax);
        state.add(entry, written);
        if (plan.fresh !== entries) plan.fresh.push(entry);
        if (decision.kind === 'conflict') plan.conflicts++;
      }
      plan.neededDelta = Math.max(plan.neededDelta, this.neededDelta(decision, written));
    }
    if (added > deltaEntriesMax) plan.rows = this.rows(session, plan, firstDelta);
    else if (added > 0) plan.rows = [this.row(session, firstDelta, plan.fresh, plan)];
    return plan;
  }

  private rows(session: FoldedSession, plan: Plan, firstDelta: number): Row[] {
    const { deltaEntriesMax } = this.settings;
    const rows: Row[] = [];
    for (let at = 0; at < plan.fresh.length; at += deltaEntriesMax) {
      rows.push(this.row(session, firstDelta + rows.length, plan.fresh.slice(at, at + deltaEntriesMax), plan));
    }
    return rows;
  }

  private row({ pk }: FoldedSession, number: number, entries: readonly Entry[], { conflicts }: Plan): Row {
    let sk = this.deltaSks[number];
    if (sk === undefined) {
      sk = keys.deltaSk(this.stream, number);
      if (number < DELTA_SKS_MAX) this.deltaSks[number] = sk;
    }
    return { pk, sk, value: encodeDelta(entries, { hasConflict: conflicts > 0 }) };
  }

  private count({ tenant, session }: FoldedSession, { fresh, repeats, rows, neededDelta: delta, conflicts }: Plan): void {
    const { tally } = this;
    const usage = tally.usageOf(tenant);
    for (const entry of fresh) tally.addEntry(entry, usage);
    for (const { entry, decision } of repeats) {
      if (this.countsAsEntry(decision)) tally.addEntry(entry, usage);
      else tally.addDuplicate(entry, usage);
    }
    if (delta > 0) tally.addTouched({ tenant, session, delta });
    tally.conflicts += conflicts;
    tally.deltas += rows.length;
    for (const { value } of rows) tally.bytes += value.length;
  }

  private insert(row: Row): Promise<'inserted' | 'exists'> {
    return this.parts.ledger.insert(row).catch(afterInsert);
  }
}

/** A session of the buffer, classified. */
interface Plan {
  fresh: Entry[];
  repeats: { readonly entry: Entry; readonly decision: Decision }[];
  /** The deltas of what is fresh. */
  rows: readonly Row[];
  /** The highest delta that its records need. */
  neededDelta: number;
  conflicts: number;
}

const [NO_REPEATS, NO_ROWS]: [Plan['repeats'], readonly Row[]] = [[], []];
const CONSISTENT = { consistent: true } as const;

/** An insert whose outcome is not known is treated like one that came second: what counts is what is there. */
function afterInsert(error: unknown): 'exists' {
  if (error instanceof LedgerError && error.code === 'ledger_ambiguous') return 'exists';
  throw error;
}
