/**
 * Reads the stream of one region's table: every shard, parents before children, so that the records of an item come in
 * their order. Begins where the checkpoint stands; where the stream does not reach back so far, with a scan of the table.
 * Goes on by itself whatever happens: while the region or its table is not there, it waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand, GetRecordsCommand, GetShardIteratorCommand,
  type _Record as SdkRecord, type GetRecordsCommandOutput, type Shard as SdkShard,
} from '@aws-sdk/client-dynamodb-streams';
import type { ItemKey, StreamRecord } from './change';
import { Progress, type RegionCheckpoint } from './checkpoint';
import type { Clients } from './clients';
import type { Image } from './stamp';

export interface Handler {
  /** Call `done` when all of it has been applied everywhere. `bytes`: about what it takes to keep. */
  onRecord(record: StreamRecord, bytes: number, done: () => void): void;
  onScanned(key: ItemKey, image: Image, done: () => void): void;
  /** Too much waits to be applied: nothing is read until that has changed. */
  isFull(): boolean;
  /** What keeps it from reading; undefined: nothing any more. */
  onTrouble(what: string | undefined): void;
}

interface Shard {
  readonly parent: string | undefined;
  readonly progress: Progress;
  /** Sequence number of the last record that was read. */
  readTo?: string | undefined;
  iterator?: string | undefined;
  isRead: boolean;
}

/** What GetRecords gives at most. */
const RECORDS_MAX = 1_000;
/** Between reads; it doubles up to the second while there are no records: a read costs half a millisecond of each process. */
const IDLE_MS = 40;
const IDLE_MS_MAX = 400;
/** A shard is open for hours; its children are found when it ends, or then. */
const DISCOVER_EVERY_MS = 30_000;
const TROUBLE_WAIT_MS = 500;

export class StreamReader {
  private stream: string | undefined;
  private isScanned = false;
  private scanning = 0;
  private readonly shards = new Map<string, Shard>();
  private running: Promise<void> | undefined;
  private isClosed = false;

  constructor(private readonly clients: Clients, private readonly table: string, private readonly handler: Handler) {}

  start(from: RegionCheckpoint | undefined): void {
    if (from) {
      [this.stream, this.isScanned] = [from.stream, from.isScanned];
      for (const [id, { position, isFinished = false }] of Object.entries(from.shards)) {
        this.shards.set(id, { parent: undefined, progress: new Progress(position), readTo: position, isRead: isFinished });
      }
    }
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.running;
  }

  checkpoint(): Omit<RegionCheckpoint, 'floorMs'> | undefined {
    if (this.stream === undefined) return undefined;
    const shards = [...this.shards].map(([id, { progress, isRead }]) => {
      const { position } = progress;
      return [id, { ...(position !== undefined && { position }), ...(isRead && progress.isIdle && { isFinished: true }) }] as const;
    });
    return { stream: this.stream, isScanned: this.isScanned && this.scanning === 0, shards: Object.fromEntries(shards) };
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      try {
        await this.follow();
      } catch (error) {
        const { name, message } = error as Error;
        if (name === 'TrimmedDataAccessException') this.startOver();
        this.handler.onTrouble(`${name}: ${message}`);
        await sleep(TROUBLE_WAIT_MS);
      }
    }
  }

  private async follow(): Promise<void> {
    const stream = await this.findStream();
    if (stream !== this.stream) {
      this.shards.clear();
      [this.stream, this.isScanned] = [stream, false];
    }
    let discoverAt = 0;
    let idleMs = IDLE_MS;
    while (!this.isClosed) {
      if (performance.now() >= discoverAt) {
        await this.discover(stream);
        discoverAt = performance.now() + DISCOVER_EVERY_MS;
      }
      if (!this.isScanned) await this.scan();
      let records = 0;
      for (const shard of this.readable()) {
        records += await this.read(stream, shard);
        if (shard.isRead) discoverAt = 0;
      }
      this.handler.onTrouble(undefined);
      idleMs = records > 0 ? IDLE_MS : Math.min(idleMs * 2, IDLE_MS_MAX);
      if (records < RECORDS_MAX) await sleep(idleMs);
    }
  }

  private async findStream(): Promise<string> {
    const { Table } = await this.clients.table.send(new DescribeTableCommand({ TableName: this.table }));
    const stream = Table?.LatestStreamArn;
    if (stream === undefined) throw Object.assign(new TypeError(`table ${this.table} has no stream`), { name: 'NoStream' });
    return stream;
  }

  private async discover(stream: string): Promise<void> {
    const listed: SdkShard[] = [];
    let after: string | undefined;
    do {
      const command = new DescribeStreamCommand({ StreamArn: stream, ...(after !== undefined && { ExclusiveStartShardId: after }) });
      const { StreamDescription } = await this.clients.streams.send(command);
      listed.push(...(StreamDescription?.Shards ?? []));
      after = StreamDescription?.LastEvaluatedShardId;
    } while (after !== undefined);
    const ids = new Set(listed.map(({ ShardId }) => ShardId));
    for (const [id, { isRead, progress }] of this.shards) {
      if (ids.has(id)) continue;
      // It was dropped before all of it was read: what it had is compared with a scan.
      if (!isRead) this.startOver();
      if (progress.isIdle) this.shards.delete(id);
    }
    for (const { ShardId = '', ParentShardId } of listed) {
      const known = this.shards.get(ShardId);
      const parent = ParentShardId !== undefined && ids.has(ParentShardId) ? ParentShardId : undefined;
      this.shards.set(ShardId, known ? { ...known, parent } : { parent, progress: new Progress(), isRead: false });
    }
  }

  private readable(): Shard[] {
    return [...this.shards.values()].filter(({ isRead, parent }) => !isRead && (parent === undefined || this.shards.get(parent)?.isRead !== false));
  }

  /** Number of records. */
  private async read(stream: string, shard: Shard): Promise<number> {
    await this.untilRoom();
    shard.iterator ??= await this.iterator(stream, shard);
    const answer = await this.records(shard);
    if (!answer) return 0;
    for (const record of answer.Records ?? []) this.take(shard, record);
    shard.iterator = answer.NextShardIterator;
    shard.isRead = shard.iterator === undefined;
    return answer.Records?.length ?? 0;
  }

  private async iterator(stream: string, shard: Shard): Promise<string | undefined> {
    const ShardId = [...this.shards].find(([, one]) => one === shard)?.[0];
    const at = shard.readTo === undefined ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const) : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: shard.readTo } as const);
    return (await this.clients.streams.send(new GetShardIteratorCommand({ StreamArn: stream, ShardId, ...at }))).ShardIterator;
  }

  /** Undefined: the iterator was too old. */
  private async records(shard: Shard): Promise<GetRecordsCommandOutput | undefined> {
    try {
      return await this.clients.streams.send(new GetRecordsCommand({ ShardIterator: shard.iterator, Limit: RECORDS_MAX }));
    } catch (error) {
      shard.iterator = undefined;
      if ((error as Error).name === 'ExpiredIteratorException') return undefined;
      throw error;
    }
  }

  private take(shard: Shard, { dynamodb }: SdkRecord): void {
    const { SequenceNumber = '', Keys, NewImage, OldImage, ApproximateCreationDateTime, SizeBytes = 0 } = dynamodb ?? {};
    shard.readTo = SequenceNumber;
    const record = { key: keyOf(Keys), recordedMs: ApproximateCreationDateTime?.getTime() ?? 0, ...(OldImage && { before: OldImage }), ...(NewImage && { after: NewImage }) };
    this.handler.onRecord(record, SizeBytes, shard.progress.add(SequenceNumber));
  }

  /** The stream does not reach back to where we were. */
  private startOver(): void {
    this.isScanned = false;
    for (const shard of this.shards.values()) if (!shard.isRead) [shard.readTo, shard.iterator] = [undefined, undefined];
  }

  private async scan(): Promise<void> {
    let after: Image | undefined;
    do {
      await this.untilRoom();
      const command = new ScanCommand({ TableName: this.table, ConsistentRead: true, Limit: RECORDS_MAX, ...(after && { ExclusiveStartKey: { ...after } }) });
      const { Items = [], LastEvaluatedKey } = await this.clients.table.send(command);
      for (const item of Items) {
        this.scanning++;
        this.handler.onScanned(keyOf(item), item, () => this.scanning--);
      }
      after = LastEvaluatedKey;
    } while (after && !this.isClosed);
    this.isScanned = !this.isClosed;
  }

  private async untilRoom(): Promise<void> {
    while (this.handler.isFull() && !this.isClosed) await sleep(IDLE_MS);
  }
}

function keyOf(image: Image | undefined): ItemKey {
  return { pk: image?.['pk']?.S ?? '', sk: image?.['sk']?.S ?? '' };
}
