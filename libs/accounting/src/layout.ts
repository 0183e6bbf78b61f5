/**
 * The layout of nearly every record: what `encodeRecord` writes of a usage event in printable ASCII, without escapes and
 * without attributes. It is read from the bytes in one pass, several times as fast as JSON is. What is accepted here says
 * the same as JSON and keeps every rule but those about time; anything else is to be read as JSON, it may be fine.
 */
import { BUCKETS } from './bucket';
import { DIMENSION_BYTES_MAX, NAME_BYTES_MAX } from './event';
import type { Dimensions } from './shape';

const encoder = new TextEncoder();

const TENANT = encoder.encode('{"rules":1,"tenant":"');
const SOURCE = encoder.encode('","source":"');
const ID = encoder.encode('","id":"');
const SESSION = encoder.encode('","session":"');
const TIME = encoder.encode('","time":');
const PROVIDER = encoder.encode(',"provider":"');
const MODEL = encoder.encode('","model":"');
const OPERATION = encoder.encode('","operation":"');
const TIER = encoder.encode('","tier":"');
const INFERENCE_REGION = encoder.encode('","inferenceRegion":"');
const REPORTED = encoder.encode('","counted":"reported","tokens":{');
const ESTIMATED = encoder.encode('","counted":"estimated","tokens":{');
const COUNTS = BUCKETS.map((bucket) => encoder.encode(`"${bucket}":`));
const END = encoder.encode('}}');
const REQUEST_ID = encoder.encode('},"requestId":"');
const REQUEST_END = encoder.encode('"}');

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;
const SPACE = 0x20;

/** `NAME_PATTERN`, byte by byte. */
const TENANT_BYTES_MAX = 64;
const IS_OF_TENANT = Array.from({ length: 256 }, (_, byte) => /^[A-Za-z0-9_-]$/.test(String.fromCharCode(byte)));
/** More digits could say more than 2^53−1. */
const DIGITS_MAX = 15;

const NO_DIMENSIONS: Dimensions = { provider: '', model: '', operation: '', tier: '', inferenceRegion: '', counted: 'reported' };

const NONE = new Uint8Array(0);

/** Reads one record after the other: what the fields say is of the last one that `read` accepted. */
export class Layout {
  tenant = '';
  session = '';
  time = 0;
  /** The same object as long as they stay the same. */
  dimensions = NO_DIMENSIONS;
  bucketMask = 0;
  /** By bucket; of the buckets of the mask. */
  readonly counts: number[] = BUCKETS.map(() => 0);
  /** Where in the record the fields of the identity lie: bytes [from, to). */
  readonly tenantFrom = TENANT.length;
  tenantTo = 0;
  sourceFrom = 0;
  sourceTo = 0;
  idFrom = 0;
  idTo = 0;
  sessionFrom = 0;
  sessionTo = 0;

  private bytes: Uint8Array = NONE;
  /** By length, what a text of that length is made from: a view of a part of the record, for a decoder, takes longer to make than its text. */
  private readonly codes: number[][] = [];
  private at = 0;
  /** Of the last records: up to the id, and from the time on up to the counts. They rarely change, and are read no second time. */
  private lastHead: Uint8Array = NONE;
  private lastDimensions: Uint8Array = NONE;

  /** Whether the record has the layout. */
  read(bytes: Uint8Array): boolean {
    this.bytes = bytes;
    this.at = 0;
    return this.readHead() && this.readNames() && this.readDimensions() && this.readCounts() && this.readEnd();
  }

  private readHead(): boolean {
    if (this.lastHead !== NONE && this.skip(this.lastHead)) return true;
    this.lastHead = NONE;
    if (!this.skip(TENANT) || !this.skipTenant()) return false;
    this.tenantTo = this.at;
    if (!this.skip(SOURCE)) return false;
    this.sourceFrom = this.at;
    if (!this.skipText(NAME_BYTES_MAX)) return false;
    this.sourceTo = this.at;
    if (!this.skip(ID)) return false;
    this.tenant = this.textOf(this.tenantFrom, this.tenantTo);
    this.lastHead = copyOf(this.bytes, 0, this.at);
    return true;
  }

  private readNames(): boolean {
    this.idFrom = this.at;
    if (!this.skipText(NAME_BYTES_MAX)) return false;
    this.idTo = this.at;
    if (!this.skip(SESSION)) return false;
    this.sessionFrom = this.at;
    if (!this.skipText(NAME_BYTES_MAX)) return false;
    this.sessionTo = this.at;
    this.session = this.textOf(this.sessionFrom, this.sessionTo);
    if (!this.skip(TIME)) return false;
    this.time = this.integer();
    return this.time >= 0;
  }

  private readDimensions(): boolean {
    if (this.lastDimensions !== NONE && this.skip(this.lastDimensions)) return true;
    const from = this.at;
    const provider = this.skip(PROVIDER) ? this.dimension() : undefined;
    const model = this.skip(MODEL) ? this.dimension() : undefined;
    const operation = this.skip(OPERATION) ? this.dimension() : '';
    const tier = this.skip(TIER) ? this.dimension() : '';
    const inferenceRegion = this.skip(INFERENCE_REGION) ? this.dimension() : '';
    if (provider === undefined || model === undefined || operation === undefined || tier === undefined || inferenceRegion === undefined) return false;
    const isReported = this.skip(REPORTED);
    if (!isReported && !this.skip(ESTIMATED)) return false;
    this.dimensions = { provider, model, operation, tier, inferenceRegion, counted: isReported ? 'reported' : 'estimated' };
    this.lastDimensions = copyOf(this.bytes, from, this.at);
    return true;
  }

  private readCounts(): boolean {
    const { bytes, counts } = this;
    let mask = 0;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      if (!this.skip(COUNTS[bucket] as Uint8Array)) continue;
      const count = this.integer();
      if (count < 0) return false;
      counts[bucket] = count;
      mask |= 1 << bucket;
      if (bytes[this.at] !== COMMA) {
        this.bucketMask = mask;
        return true;
      }
      this.at++;
    }
    return false;
  }

  private readEnd(): boolean {
    const hasEnded = this.skip(END) || (this.skip(REQUEST_ID) && this.skipText(Infinity) && this.skip(REQUEST_END));
    return hasEnded && this.at === this.bytes.length;
  }

  /** Passes over these bytes, if they are the next. */
  private skip(expected: Uint8Array): boolean {
    const { bytes, at } = this;
    if (at + expected.length > bytes.length) return false;
    for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
    this.at = at + expected.length;
    return true;
  }

  private skipTenant(): boolean {
    const { bytes, at } = this;
    let end = at;
    while (end < bytes.length && IS_OF_TENANT[bytes[end] as number]) end++;
    this.at = end;
    return end > at && end - at <= TENANT_BYTES_MAX;
  }

  /** Passes over text up to its closing quote: whether there is any, and not too much. */
  private skipText(bytesMax: number): boolean {
    const { bytes, at } = this;
    let end = at;
    for (; end < bytes.length; end++) {
      const byte = bytes[end] as number;
      if (byte < SPACE || byte > TILDE || byte === QUOTE || byte === BACKSLASH) break;
    }
    this.at = end;
    return end > at && end - at <= bytesMax;
  }

  private dimension(): string | undefined {
    const from = this.at;
    return this.skipText(DIMENSION_BYTES_MAX) ? this.textOf(from, this.at) : undefined;
  }

  /** ASCII. Shares no memory with other text, so that a session's name keeps no record. */
  private textOf(from: number, to: number): string {
    const { bytes } = this;
    const codes = (this.codes[to - from] ??= new Array<number>(to - from).fill(0));
    for (let i = from; i < to; i++) codes[i - from] = bytes[i] as number;
    return String.fromCharCode.apply(null, codes);
  }

  /** As JSON writes it, without fraction or exponent; −1 when there is none or it has too many digits. */
  private integer(): number {
    const { bytes, at } = this;
    let end = at;
    let value = 0;
    for (; end < bytes.length; end++) {
      const byte = bytes[end] as number;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
    }
    this.at = end;
    const digits = end - at;
    if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[at] === ZERO)) return -1;
    return value;
  }
}

/** A copy, also of a `Buffer`, whose own `slice` makes none. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}
