/**
 * A member of the region's group of consumers: one folder per assigned partition, writes on time, closes a manifest when the
 * log was sampled, stops a log that
 * must not be folded any further. What it read from a partition that was taken away is dropped before any write.
 */
import { AccountingError, MeridianError, type LogId, type Segment, type StreamId } from '@meridian/accounting';
import { Bell, EventLogError, type Assignee, type EventLog, type Extent, type LogRecord, type Membership } from '@meridian/event-log';
import type { EndsSample } from '@meridian/ledger';
import { PipelineError } from '../errors';
import { Folder, type FoldParts, type FoldSettings, type FoldTarget } from './fold';
import { measureLag, type Lag, type Unfolded } from './lag';
import { retrying, Serial, type LoopOptions } from '../loop';
import { ALARM_CODES, type AlarmCode } from '../probe';

export interface FoldServiceParts extends FoldParts, LoopOptions {
  /** The registered log of each partition. */
  readonly logs: readonly LogId[];
  /** The segments of a log up to the one this region writes; none when another region has taken the log over. */
  readonly segmentsOf: (log: LogId) => Promise<readonly Segment[]>;
  /** Opens another stream of the log, which this region writes: what the one before has beyond the newest cut is ignored. Rejects with `unknown_log` while the log is in no cut. */
  readonly openStream: (log: LogId) => Promise<unknown>;
}

/** While something waits to be written the service looks so many times in the shorter of the two flush times whether it is due, at least this often. */
const TICKS_PER_FLUSH = 5;
const TICK_MS_MAX = 200;

interface Slot {
  readonly partition: number;
  /** The stream that this region writes about the log; undefined while another one does. */
  stream: StreamId | undefined;
  /** Undefined while this log is not to be folded. */
  folder: Folder | undefined;
  /** Where the fold stood when this log was stopped: it goes on falling behind, and must go on being told so. */
  stopped: Unfolded | undefined;
  /** Its stream is not to be gone on with: another one is to be opened. */
  isDoubtful: boolean;
  /** As measured last. */
  lag: Lag | undefined;
  readonly serial: Serial;
  /** Aborted when the partition is taken away. */
  readonly revoked: AbortController;
  /** Rung when there may be something to do: a log at rest needs no timer. */
  readonly bell: Bell;
}

export class FoldService implements Assignee {
  private readonly slots = new Map<number, Slot>();
  private membership: Membership | undefined;
  /** Of all logs, as measured last. */
  private ends = '';
  private stopped: (error: Error | undefined) => void = () => undefined;
  private readonly ended: Promise<Error | undefined>;
  private isLeaving = false;

  constructor(
    protected readonly parts: FoldServiceParts,
    protected readonly settings: FoldSettings,
  ) {
    this.ended = new Promise((resolve) => (this.stopped = resolve));
  }

  /** Joins the group. Rejects when the log cannot be joined. */
  async start(log: EventLog): Promise<void> {
    const joined = await log.join(this);
    if (this.isLeaving) await joined.close();
    else this.membership = joined;
  }

  /** Joins anew when a log has another stream to be written by now: this region has lost it by a takeover, has got it, or had to doubt the one before. */
  async followWriters(): Promise<void> {
    await this.openStreams();
    if (this.isLeaving || (this.membership && !(await this.hasOtherWriter()))) return;
    const { membership } = this;
    this.membership = undefined;
    await membership?.close();
    await this.start(this.parts.log);
  }

  /** Rejects when the service failed for good; resolves after `close`. */
  async run(): Promise<void> {
    const error = await this.ended;
    if (error) throw error;
  }

  /** Flushes what is buffered, as far as the ledger takes it at once, and leaves the group. */
  async close(): Promise<void> {
    this.isLeaving = true;
    await Promise.all([...this.slots.values()].map((slot) => slot.serial.run(() => flushAndLeave(slot.folder)).catch(() => undefined)));
    await this.membership?.close();
    this.stopped(undefined);
  }

  /** Leaves the group without flushing, as a crash would: what was buffered is read again by whoever comes next. */
  async abandon(): Promise<void> {
    this.isLeaving = true;
    for (const slot of this.slots.values()) slot.revoked.abort();
    await this.membership?.close();
    this.stopped(undefined);
  }

  async assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const starts = new Map<number, number>();
    for (const partition of partitions) starts.set(partition, await this.openSlot(partition));
    return starts;
  }

  revoked(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      const slot = this.slots.get(partition);
      slot?.revoked.abort();
      // Nobody waits for it: the next holder doubts the stream without need, and only when the log has another leader, too.
      void slot?.serial.run(async () => slot.folder?.leave()).catch(() => undefined);
      this.slots.delete(partition);
    }
    // At once: its next holder tells it from now on.
    this.tellLags();
    return Promise.resolve();
  }

  async records(partition: number, records: readonly LogRecord[]): Promise<void> {
    const slot = this.slots.get(partition);
    const folder = slot?.folder;
    if (!slot || !folder) return;
    await slot.serial.run(() => this.unlessStopped(slot, folder, () => this.whileAssigned(slot, () => folder.offer(records))));
    slot.bell.ring();
  }

  /** A sample of the logs was taken: what was read up to their ends goes into manifests. The pace of samples is that of finality. */
  sampled({ ends }: EndsSample): void {
    for (const slot of this.slots.values()) {
      const end = (ends as Readonly<Record<string, number | undefined>>)[this.parts.logs[slot.partition] as LogId];
      if (end === undefined) continue;
      slot.folder?.sampled(end);
      slot.bell.ring();
    }
  }

  failed(error: Error): void {
    for (const slot of this.slots.values()) slot.revoked.abort();
    this.parts.probe.behind([]);
    const partition = error instanceof EventLogError ? error.partition : undefined;
    for (const one of partition === undefined ? this.slots.keys() : [partition]) {
      const log = this.parts.logs[one];
      if (log !== undefined) this.parts.probe.alarm({ code: endCode(error), log, message: error.message });
    }
    this.stopped(error);
  }

  /** Whether the partition is assigned here. */
  holds(partition: number): boolean {
    return this.slots.has(partition);
  }

  /**
   * Measures and tells how far each log is behind that is folded here, or was stopped here. Answers whether any log has
   * moved since the last look.
   */
  async measure(): Promise<boolean> {
    const extents = await this.parts.log.extents();
    const ends = extents.map(({ end }) => end).join();
    const hasMoved = ends !== this.ends;
    this.ends = ends;
    await Promise.all([...this.slots.values()].map(async (slot) => (slot.lag = await this.lagOf(slot, extents[slot.partition]))));
    this.tellLags();
    return hasMoved;
  }

  private async lagOf({ partition, folder, stopped, lag }: Slot, extent: Extent | undefined): Promise<Lag | undefined> {
    const unfolded = folder?.unfolded ?? stopped;
    if (!unfolded || !extent) return undefined;
    return (await measureLag(this.parts.log, { ...extent, partition }, unfolded)) ?? lag;
  }

  private tellLags(): void {
    const { logs, probe } = this.parts;
    probe.behind(
      [...this.slots.values()].flatMap(({ partition, lag, stopped }) => (lag ? [{ ...lag, log: logs[partition] as LogId, isStopped: stopped !== undefined }] : [])),
    );
  }

  private async openStreams(): Promise<void> {
    for (const slot of this.slots.values()) {
      if (!slot.isDoubtful) continue;
      try {
        await this.parts.openStream(this.parts.logs[slot.partition] as LogId);
      } catch (error) {
        // In no cut yet, or given up meanwhile.
        if (error instanceof PipelineError && error.code === 'unknown_log') continue;
        throw error;
      }
      slot.isDoubtful = false;
    }
  }

  private async hasOtherWriter(): Promise<boolean> {
    for (const { partition, stream } of this.slots.values()) {
      const segments = await this.parts.segmentsOf(this.parts.logs[partition] as LogId);
      if (segments.at(-1)?.stream !== stream) return true;
    }
    return false;
  }

  private async openSlot(partition: number): Promise<number> {
    const slot: Slot = { partition, stream: undefined, folder: undefined, stopped: undefined, isDoubtful: false, lag: undefined, serial: new Serial(), revoked: new AbortController(), bell: new Bell() };
    this.slots.set(partition, slot);
    const log = this.parts.logs[partition];
    // The topic has grown: a new start registers the new log.
    if (log === undefined) throw new PipelineError('unknown_log', `partition ${partition} is not registered; restart to register it`);
    const options = { ...this.parts, signal: slot.revoked.signal };
    const segments = await retrying('segments', options, () => this.parts.segmentsOf(log));
    slot.stream = segments.at(-1)?.stream;
    if (segments.length > 0) {
      const folder = this.createFolder({ partition, log, segments });
      const start = await this.unlessStopped(slot, folder, () => retrying('open', options, () => folder.open()));
      if (start !== undefined) {
        slot.folder = folder;
        void this.keepFlushing(slot, folder);
        return start;
      }
    }
    // Another region's log by now, or one that must not be folded: what comes is passed over.
    return (await retrying('extents', options, () => this.parts.log.extents()))[partition]?.end ?? 0;
  }

  protected createFolder(target: FoldTarget): Folder {
    return new Folder(this.parts, target, this.settings);
  }

  private async keepFlushing(slot: Slot, folder: Folder): Promise<void> {
    const { clock } = this.parts;
    const { signal } = slot.revoked;
    const tickMs = Math.min(TICK_MS_MAX, Math.ceil(Math.min(this.settings.flushAgeMs, this.settings.flushIdleMs) / TICKS_PER_FLUSH));
    signal.addEventListener('abort', () => slot.bell.ring(), { once: true });
    try {
      while (!signal.aborted) {
        const news = slot.bell.next();
        const { owesManifest } = folder;
        if (owesManifest || folder.isDue(clock.now())) {
          const act = (): Promise<void> => (owesManifest ? folder.flush() : folder.write());
          await slot.serial.run(() => this.unlessStopped(slot, folder, () => this.whileAssigned(slot, act)));
        } else {
          await (folder.isWaiting ? clock.sleep(tickMs, signal) : news);
        }
        if (!slot.folder) return;
      }
    } catch (error) {
      this.failed(error as Error);
      await this.membership?.close();
    }
  }

  /** A condition of this one log stops this one log, until a person acts; the others go on. */
  private async unlessStopped<T>(slot: Slot, folder: Folder, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      const log = this.parts.logs[slot.partition] as LogId;
      const isDoubtful = error instanceof PipelineError && error.code === 'stream_doubtful';
      const code = stopCode(error);
      if (!code && !isDoubtful) throw error;
      slot.folder = undefined;
      slot.stopped = folder.unfolded;
      if (isDoubtful) {
        slot.isDoubtful = true;
        this.parts.probe.streamDoubted({ log, message: error.message });
      }
      if (code) this.parts.probe.alarm({ code, log, message: (error as Error).message });
      return undefined;
    }
  }

  /** Retries for as long as the partition is ours: while the ledger is down the fold waits and the log keeps. */
  private async whileAssigned(slot: Slot, act: () => Promise<void>): Promise<void> {
    const { signal } = slot.revoked;
    if (signal.aborted) return;
    try {
      await retrying('fold', { ...this.parts, signal }, act);
    } catch (error) {
      if (signal.aborted && error instanceof MeridianError && error.retryable) return;
      throw error;
    }
  }
}

async function flushAndLeave(folder: Folder | undefined): Promise<void> {
  await folder?.flush();
  await folder?.leave();
}

/** The alarm for an error that ends the service: its own where there is a runbook of its name. */
function endCode(error: Error): AlarmCode {
  return ALARM_CODES.find((code) => error instanceof EventLogError && code === error.code) ?? 'fold_failed';
}

/** The alarm for an error that concerns one log only. */
function stopCode(error: unknown): AlarmCode | undefined {
  if (error instanceof AccountingError && error.code === 'unknown_rules') return 'log_unknown_rules';
  if (error instanceof PipelineError && (error.code === 'log_truncated' || error.code === 'log_gap')) return error.code;
  return undefined;
}
