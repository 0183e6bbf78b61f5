/** Batches as a broker stores them, made by kafkajs' own encoder. */
import { crc32c } from '@node-rs/crc32';
import { CompressionTypes } from 'kafkajs';
import Record from 'kafkajs/src/protocol/recordBatch/record/v0';
import { RecordBatch } from 'kafkajs/src/protocol/recordBatch/v0';

export interface StoredRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<{ [name: string]: string | readonly string[] }>;
}

export interface StoredBatch {
  readonly base: number;
  readonly time: number;
  readonly epoch: number;
  readonly isCompressed: boolean;
  readonly records: readonly StoredRecord[];
}

const CRC_AT = 17;
const CHECKED_FROM = 21;
/** Of the low byte, that the time is the broker's: kafkajs' encoder, a publisher's, never sets it. */
export const ATTRIBUTES_AT = 22;
export const APPEND_TIME = 8;

export async function stored({ base, time, epoch, isCompressed, records }: StoredBatch): Promise<Buffer> {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text));
  const { buffer } = await RecordBatch({
    compression: isCompressed ? CompressionTypes.GZIP : CompressionTypes.None,
    firstOffset: base,
    maxTimestamp: time,
    partitionLeaderEpoch: epoch,
    lastOffsetDelta: records.length - 1,
    records: records.map(({ key, value, headers }, i) => Record({ offsetDelta: i, timestampDelta: i * 1_000, key: bytes(key), value: bytes(value), headers })),
  });
  const batch = Buffer.from(buffer);
  batch[ATTRIBUTES_AT] = (batch[ATTRIBUTES_AT] as number) | APPEND_TIME;
  return sealed(batch);
}

/** With the checksum of what it holds now. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), CRC_AT);
  return batch;
}
