/**
 * Events on disk until they are acknowledged: segments, each written once from front to back, deleted when all of it is
 * acknowledged. Invariant: `append` resolves only for what survives a crash of the machine, and what it refused is in no
 * segment. Neighbours: `segment.ts` is the format, `lock.ts` keeps others out.
 */
import { mkdir, open, readdir, readFile, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { invariant } from '@meridian/accounting';
import { diskError, PublisherError } from './errors';
import { lock } from './lock';
import { bytesOf, decodeFrame, decodeHeader, encodeFrame, encodeHeader, HEADER_BYTES, measure, type EventText } from './segment';

/** Events of which an ingest has not said anything yet. */
export interface Batch {
  readonly events: readonly EventText[];
  readonly segment: Segment;
  /** In the segment. */
  readonly end: number;
}

interface Segment {
  readonly path: string;
  readonly file: FileHandle;
  /** Offset behind the last frame that is durable. */
  size: number;
  acked: number;
  /** Nothing is written to it any more. */
  isSealed: boolean;
}

interface Waiting {
  readonly event: EventText;
  readonly bytes: number;
  readonly written: PromiseWithResolvers<void>;
}

/** What ingest takes at a time is 1,000 events and 4 MiB. */
const BATCH_EVENTS_MAX = 1_000;
const BATCH_BYTES_MAX = 1_048_576;
/** A segment is closed beyond this: what is acknowledged goes in such pieces; and this part of a small spool. */
const SEGMENT_BYTES = 1_048_576;
const SEGMENTS_PER_SPOOL = 16;
const SEGMENT = /^(\d{16})\.spool$/;
/** Beside the segments: events that no ingest accepts, one JSON object a line. Whoever has read it takes it away. */
export const REJECTED = 'rejected.ndjson';

export class Spool {
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private writing: Promise<void> | undefined;

  private constructor(
    private readonly directory: string,
    private readonly bytesMax: number,
    /** Oldest first; the last one may be open for writing. */
    private readonly segments: Segment[],
    private number: number,
    private rejectedBytes: number,
    private readonly release: () => void,
  ) {}

  /** Rejects with `spool_in_use`, `spool_damaged` or `spool_failed`. Needs no room on the disk. */
  static async open(directory: string, bytesMax: number): Promise<Spool> {
    let release: (() => void) | undefined;
    try {
      await makeDirectory(resolve(directory));
      release = lock(directory);
      const names = (await readdir(directory)).filter((name) => SEGMENT.test(name)).sort();
      const segments: Segment[] = [];
      for (const name of names) segments.push(...(await recover(join(directory, name))));
      const rejectedBytes = await stat(join(directory, REJECTED)).then(({ size }) => size, () => 0);
      return new Spool(directory, bytesMax, segments, Number(SEGMENT.exec(names.at(-1) ?? '')?.[1] ?? 0), rejectedBytes, release);
    } catch (error) {
      release?.();
      throw error instanceof PublisherError ? error : diskError(error, directory);
    }
  }

  /** Whether there are events that are not acknowledged. */
  get hasMore(): boolean {
    return this.segments.some(({ acked, size }) => acked < size);
  }

  /** On disk, what was rejected included. */
  get bytes(): number {
    return this.segments.reduce((sum, { size }) => sum + size, this.rejectedBytes);
  }

  /** What waits to be written together goes in one frame and one fsync. Rejects with `spool_full` or `spool_failed`. */
  append(event: EventText): Promise<void> {
    const bytes = bytesOf(event);
    if (this.bytes + this.waitingBytes + bytes + HEADER_BYTES > this.bytesMax) return Promise.reject(this.full());
    const written: PromiseWithResolvers<void> = Promise.withResolvers();
    this.waiting.push({ event, bytes, written });
    this.waitingBytes += bytes;
    this.writing ??= this.write();
    return written.promise;
  }

  /** The oldest events that are not acknowledged, the same until they are. Only when `hasMore`. */
  async next(): Promise<Batch> {
    const segment = this.segments.find(({ acked, size }) => acked < size);
    invariant(segment, 'the spool has nothing to send');
    const { buffer } = await segment.file.read(Buffer.alloc(segment.size - segment.acked), 0, segment.size - segment.acked, segment.acked);
    const events: EventText[] = [];
    let end = 0;
    for (let frame = decodeFrame(buffer, end); frame; frame = decodeFrame(buffer, end)) {
      const isFull = events.length + frame.events.length > BATCH_EVENTS_MAX || frame.end > BATCH_BYTES_MAX;
      if (isFull && events.length > 0) break;
      events.push(...frame.events);
      end = frame.end;
    }
    if (events.length === 0) throw damaged(segment.path, segment.acked);
    return { events, segment, end: segment.acked + end };
  }

  /** Never again given by `next`, unless the machine dies now: then it is sent once more, and counts once. */
  async acknowledge({ segment, end }: Batch): Promise<void> {
    segment.acked = end;
    if (segment.acked === segment.size && (segment.isSealed || segment.size >= this.segmentBytes)) await this.remove(segment);
    // It overwrites what is there, which a full disk allows; where it fails the events are sent again after a restart.
    else await segment.file.write(encodeHeader(end), 0, HEADER_BYTES, 0).catch(() => undefined);
  }

  /** Durable when it resolves. Beyond `bytesMax` too: they are in a segment until then. */
  async reject(lines: readonly string[]): Promise<void> {
    const file = await open(join(this.directory, REJECTED), 'a');
    try {
      const { size } = await file.stat();
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      // Each time: whoever has read the file takes it away, and this one may be new.
      await syncDirectory(this.directory);
      try {
        await writeAll(file, bytes);
      } catch (cause) {
        await file.truncate(size).catch(() => undefined);
        throw diskError(cause, this.directory);
      }
      this.rejectedBytes = size + bytes.length;
    } finally {
      await file.close();
    }
  }

  /** After what waits is written. */
  async close(): Promise<void> {
    await this.writing;
    await Promise.all(this.segments.map(({ file }) => file.close()));
    this.release();
  }

  private get segmentBytes(): number {
    return Math.min(SEGMENT_BYTES, this.bytesMax / SEGMENTS_PER_SPOOL);
  }

  private async write(): Promise<void> {
    // Whoever publishes in this very moment goes with it.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      let bytes = 0;
      const count = this.waiting.findIndex((one, at) => (bytes += one.bytes) > BATCH_BYTES_MAX || at === BATCH_EVENTS_MAX);
      const group = this.waiting.splice(0, count < 0 ? this.waiting.length : Math.max(1, count));
      const failure = await this.writeFrame(encodeFrame(group.map(({ event }) => event))).then(() => undefined, (error: unknown) => diskError(error, this.directory));
      for (const one of group) {
        this.waitingBytes -= one.bytes;
        if (failure) one.written.reject(failure);
        else one.written.resolve();
      }
    }
    this.writing = undefined;
  }

  private async writeFrame(frame: Buffer): Promise<void> {
    const segment = await this.writable();
    try {
      await writeAll(segment.file, frame, segment.size);
      segment.size += frame.length;
    } catch (error) {
      // Most often no whole frame. Were it one, its events must not be sent: they are refused in a moment.
      await segment.file.truncate(segment.size).then(() => segment.file.datasync()).catch(() => undefined);
      // Nothing more goes into it, so that it makes room as soon as all of it is acknowledged.
      await this.seal(segment);
      throw error;
    }
  }

  private async writable(): Promise<Segment> {
    const last = this.segments.at(-1);
    if (last && !last.isSealed && last.size < this.segmentBytes) return last;
    const path = join(this.directory, `${(++this.number).toString().padStart(16, '0')}.spool`);
    // What is there already is another's, and stays as it is.
    const file = await open(path, 'wx+');
    try {
      await writeAll(file, encodeHeader(HEADER_BYTES), 0);
      await syncDirectory(this.directory);
    } catch (error) {
      await file.close();
      await unlink(path);
      throw error;
    }
    if (last) await this.seal(last);
    const segment = { path, file, size: HEADER_BYTES, acked: HEADER_BYTES, isSealed: false };
    this.segments.push(segment);
    return segment;
  }

  private async seal(segment: Segment): Promise<void> {
    segment.isSealed = true;
    if (segment.acked === segment.size) await this.remove(segment);
  }

  private async remove(segment: Segment): Promise<void> {
    const at = this.segments.indexOf(segment);
    if (at < 0) return;
    this.segments.splice(at, 1);
    await segment.file.close();
    await unlink(segment.path);
  }

  private full(): PublisherError {
    const rejected = this.rejectedBytes === 0 ? '' : `, ${this.rejectedBytes} of them in ${REJECTED}`;
    return new PublisherError('spool_full', `${this.directory} has ${this.bytes} of ${this.bytesMax} bytes${rejected}, the event was not taken`, {
      field: 'spoolBytesMax', fix: 'Publish again when an ingest is reachable: the spool empties by itself.',
    });
  }
}

/** None when nothing of it is to be sent. */
async function recover(path: string): Promise<Segment[]> {
  const bytes = await readFile(path);
  const { end, isDamaged } = measure(bytes);
  if (isDamaged) throw damaged(path, end);
  const acked = decodeHeader(bytes);
  if (end <= acked) {
    await unlink(path);
    return [];
  }
  return [{ path, file: await open(path, 'r+'), size: end, acked, isSealed: true }];
}

function damaged(path: string, offset: number): PublisherError {
  return new PublisherError('spool_damaged', `${path} is not what was written, from byte ${offset} on`, { field: 'spool', fix: 'Keep the file for us, move it away, and open again.' });
}

/** Without `position`: at the end. A file system that is about to be full may take a part. */
async function writeAll(file: FileHandle, bytes: Buffer, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position === undefined ? undefined : position + done);
    done += bytesWritten;
  }
  await file.datasync();
}

/** Durable, and so are the directories above it that were made. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  let isMade = first !== undefined;
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    // One that was there too: who made it may have been killed before this. It may as well be another user's, and not ours to open.
    await syncDirectory(dirname(at)).catch((error: unknown) => {
      if (isMade) throw error;
    });
    isMade &&= at !== first;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
