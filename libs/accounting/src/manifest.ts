/**
 * The manifest codec. A manifest is immutable: what one range [start, end) of a log holds, as one stream has it.
 * It is a pure function of the log and the stream, never of who inserted what. A reader checks that everything it
 * lists is present; that is what makes finality evidence and not a guess.
 */
import { BUCKETS, type Bucket } from './bucket';
import { ByteWriter, openRow, type ByteReader } from './bytes';
import { Digest } from './digest';
import { AccountingError } from './errors';
import { invariant } from './invariant';
import { ShapeTable, type Shape, type Shapes } from './shape';
import { Usage, type UsageLine } from './usage';

const VERSION = 1;

/** Which record stands at `end − 1`, so that a folder notices when the log was cut and written anew. */
export interface Fingerprint {
  /** Leader epoch of the record. */
  readonly epoch: number;
  /** SHA-256 of the record's value, a binary string of 32 characters. */
  readonly sha256: string;
}

export interface RecordCounts {
  readonly entries: number;
  readonly duplicates: number;
  readonly quarantined: number;
}

/** One session with a record in the range: deltas 1..`delta` of the stream must be present. */
export interface Touched {
  readonly tenant: string;
  readonly session: string;
  readonly delta: number;
}

export interface Manifest {
  /** First offset of the range. */
  readonly start: number;
  /** One past its last offset. */
  readonly end: number;
  readonly fingerprint: Fingerprint;
  /** Highest rule set among the range's records. */
  readonly rules: number;
  /** entries + duplicates + quarantined = records in the range. */
  readonly counts: RecordCounts;
  /** Of the stream's entries with offset in the range. */
  readonly digest: Digest;
  /** Sorted by tenant, then session. */
  readonly touched: readonly Touched[];
  /** Per tenant, of the stream's entries with offset in the range; tenants sorted. */
  readonly usage: ReadonlyMap<string, Usage>;
}

const SHA256_BYTES = 32;
const DIGEST_BYTES = 16;

const writer = new ByteWriter();
const lineWriter = new ByteWriter();

/** The same manifest gives the same bytes. */
export function encodeManifest(manifest: Manifest, shapes: Shapes): Uint8Array {
  const { start, end, fingerprint, rules, counts, digest, touched, usage } = manifest;
  invariant(fingerprint.sha256.length === SHA256_BYTES, 'a SHA-256 has 32 bytes');
  writer.start();
  writer.byte(VERSION);
  writer.varint(start);
  writer.varint(end - start);
  // A log without leader epochs gives −1.
  writer.varint(fingerprint.epoch + 1);
  writer.latin(fingerprint.sha256);
  writer.varint(rules);
  writer.varint(counts.entries);
  writer.varint(counts.duplicates);
  writer.varint(counts.quarantined);
  writer.raw(digest.toBytes());
  writeTouched(touched);
  writeUsage(usage, shapes);
  return writer.sealed();
}

export function decodeManifest(bytes: Uint8Array, shapes: Shapes): Manifest {
  const reader = openRow(bytes, VERSION, 'manifest');
  const start = reader.varint();
  const end = start + reader.varint();
  const fingerprint = { epoch: reader.varint() - 1, sha256: reader.latin(SHA256_BYTES) };
  const rules = reader.varint();
  const counts = { entries: reader.varint(), duplicates: reader.varint(), quarantined: reader.varint() };
  const digest = Digest.fromBytes(reader.raw(DIGEST_BYTES));
  const touched = readTouched(reader);
  const usage = readUsage(reader, shapes);
  reader.expectEnd();
  return { start, end, fingerprint, rules, counts, digest, touched, usage };
}

function writeTouched(touched: readonly Touched[]): void {
  writer.varint(touched.length);
  let before = '';
  for (const { tenant, session, delta } of touched) {
    // A tenant is written when it changes; the empty text stands for "the same as before".
    writer.text(tenant === before ? '' : tenant);
    before = tenant;
    writer.text(session);
    writer.varint(delta);
  }
}

function readTouched(reader: ByteReader): Touched[] {
  const touched: Touched[] = [];
  let tenant = '';
  for (let count = reader.varint(); count > 0; count--) {
    tenant = reader.text() || tenant;
    touched.push({ tenant, session: reader.text(), delta: reader.varint() });
  }
  return touched;
}

/** The shapes of all lines, each once; then the lines of each tenant. */
function writeUsage(usage: Manifest['usage'], shapes: Shapes): void {
  const table = new ShapeTable();
  lineWriter.start();
  for (const tenant of [...usage.keys()].sort()) {
    const lines = usage.get(tenant)?.lines() ?? [];
    lineWriter.text(tenant);
    lineWriter.varint(lines.length);
    for (const line of lines) writeLine(line, table.numberOf(shapes.usage(line.dimensions, bucketMask(line))));
  }
  table.write(writer);
  writer.varint(usage.size);
  writer.block(lineWriter);
}

function readUsage(reader: ByteReader, shapes: Shapes): Map<string, Usage> {
  const table = shapes.readTable(reader, reader.remaining);
  const usage = new Map<string, Usage>();
  const tenants = reader.varint();
  const lineReader = reader.block();
  for (let i = 0; i < tenants; i++) {
    const tenant = lineReader.text();
    const sum = new Usage();
    for (let lines = lineReader.varint(); lines > 0; lines--) sum.addLine(readLine(lineReader, table));
    usage.set(tenant, sum);
  }
  lineReader.expectEnd();
  return usage;
}

function writeLine({ hour, region, events, duplicates, tokens }: UsageLine, shape: number): void {
  lineWriter.varint(shape);
  lineWriter.varint(hour);
  lineWriter.text(region);
  lineWriter.varint(events);
  lineWriter.varint(duplicates);
  for (const bucket of BUCKETS) {
    const value = tokens[bucket];
    if (value !== undefined) lineWriter.bigVarint(value);
  }
}

function readLine(reader: ByteReader, table: readonly Shape[]): UsageLine {
  const shape = table[reader.varint()];
  if (!shape) throw new AccountingError('corrupt_row', 'a line of usage names a shape that its manifest does not hold');
  const hour = reader.varint();
  const region = reader.text();
  const events = reader.varint();
  const duplicates = reader.varint();
  const tokens: Partial<Record<Bucket, bigint>> = {};
  for (const bucket of shape.buckets) tokens[BUCKETS[bucket] as Bucket] = reader.bigVarint();
  return { hour, region, dimensions: shape.dimensions, events, duplicates, tokens };
}

function bucketMask({ tokens }: UsageLine): number {
  return BUCKETS.reduce((mask, bucket, number) => (tokens[bucket] === undefined ? mask : mask | (1 << number)), 0);
}
