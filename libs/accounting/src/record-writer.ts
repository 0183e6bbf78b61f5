/**
 * Writes records as `encodeRecord` says them, byte for byte, straight from the event: as text first and bytes then, twice
 * as much of ingest's time went into it. The usual event is ASCII without a character that JSON escapes; any other takes
 * the way through `encodeRecord`.
 */
import { BUCKETS, type TokenCounts } from './bucket';
import { CURRENT_RULES, type MeridianEvent, type UsageEvent } from './event';
import { encodeRecord } from './record';

/** Values are cut from slabs of this size: memory of its own costs a record more than its bytes. */
const SLAB_BYTES = 64 * 1024;
/** Of a record without its texts, at most: names of members, quotes, the time, nine counts. */
const FRAME_BYTES = 1_024;
/** Quotes, colon and comma of an attribute. */
const ATTRIBUTE_FRAME_BYTES = 6;

const HEAD = `{"rules":${CURRENT_RULES},"tenant":`;
const BUCKET_NAMES: readonly string[] = BUCKETS;
const COUNTS = BUCKETS.map((bucket) => `"${bucket}":`);

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const CLOSE_BRACE = 0x7d;
const TILDE = 0x7e;
const SPACE = 0x20;
/** Up to here digits are counted off in 32 bits. */
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

const encoder = new TextEncoder();

export class RecordWriter {
  private bytes = new Uint8Array(0);
  private at = 0;

  /** The record's value, in memory that is not written to again. */
  write(event: MeridianEvent): Uint8Array {
    if (event.kind === 'usage') {
      this.reserve(sizeMax(event));
      const from = this.at;
      if (this.usage(event)) return new Uint8Array(this.bytes.buffer, from, this.at - from);
      this.at = from;
    }
    return encoder.encode(encodeRecord(event));
  }

  /** False when it is not the usual event: what was written then counts for nothing. */
  private usage({ tenant, source, id, session, time, provider, model, operation, tier, inferenceRegion, counted, tokens, requestId, attributes }: UsageEvent): boolean {
    const isWritten =
      this.member(HEAD, tenant) && this.member(',"source":', source) && this.member(',"id":', id) && this.member(',"session":', session) &&
      this.count(',"time":', time) && this.member(',"provider":', provider) && this.member(',"model":', model) &&
      this.member(',"operation":', operation) && this.member(',"tier":', tier) && this.member(',"inferenceRegion":', inferenceRegion) &&
      this.member(',"counted":', counted) && this.tokens(tokens) && this.member(',"requestId":', requestId) && this.attributes(attributes);
    if (isWritten) this.bytes[this.at++] = CLOSE_BRACE;
    return isWritten;
  }

  private tokens(tokens: TokenCounts): boolean {
    this.known(',"tokens":{');
    let next = 0;
    for (const name in tokens) {
      const bucket = BUCKET_NAMES.indexOf(name, next);
      if (bucket < 0) return false;
      if (next > 0) this.bytes[this.at++] = COMMA;
      if (!this.count(COUNTS[bucket] as string, tokens[name as keyof TokenCounts] as number)) return false;
      next = bucket + 1;
    }
    this.bytes[this.at++] = CLOSE_BRACE;
    return true;
  }

  private attributes(attributes: UsageEvent['attributes']): boolean {
    if (attributes === undefined) return true;
    this.known(',"attributes":{');
    let isFirst = true;
    for (const name of Object.keys(attributes)) {
      if (!isFirst) this.bytes[this.at++] = COMMA;
      isFirst = false;
      if (!this.quoted(name)) return false;
      this.bytes[this.at++] = COLON;
      if (!this.quoted(attributes[name] as string)) return false;
    }
    this.bytes[this.at++] = CLOSE_BRACE;
    return true;
  }

  /** Left out when there is none, as JSON does. */
  private member(name: string, text: string | undefined): boolean {
    if (text === undefined) return true;
    this.known(name);
    return this.quoted(text);
  }

  private count(name: string, value: number): boolean {
    this.known(name);
    if (!(Number.isSafeInteger(value) && value >= 0)) return false;
    if (value < BILLION) this.digits(value, digitsOf(value));
    else {
      const billions = Math.floor(value / BILLION);
      this.digits(billions, digitsOf(billions));
      this.digits(value - billions * BILLION, BILLION_DIGITS);
    }
    return true;
  }

  private digits(value: number, count: number): void {
    const { bytes, at } = this;
    let rest = value;
    for (let i = at + count - 1; i >= at; i--) {
      const tenth = (rest / 10) | 0;
      bytes[i] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.at = at + count;
  }

  /** Text of ours, ASCII. */
  private known(text: string): void {
    const { bytes, at } = this;
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    this.at = at + text.length;
  }

  private quoted(text: string): boolean {
    const { bytes, at } = this;
    bytes[at] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < SPACE || unit > TILDE || unit === QUOTE || unit === BACKSLASH) return false;
      bytes[at + 1 + i] = unit;
    }
    bytes[at + 1 + text.length] = QUOTE;
    this.at = at + text.length + 2;
    return true;
  }

  private reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    this.bytes = new Uint8Array(Math.max(SLAB_BYTES, size));
    this.at = 0;
  }
}

/** Bytes of the record if it is the usual one. */
function sizeMax({ tenant, source, id, session, provider, model, operation = '', tier = '', inferenceRegion = '', requestId = '', attributes }: UsageEvent): number {
  let size = FRAME_BYTES + tenant.length + source.length + id.length + session.length + provider.length + model.length;
  size += operation.length + tier.length + inferenceRegion.length + requestId.length;
  if (attributes) for (const name of Object.keys(attributes)) size += ATTRIBUTE_FRAME_BYTES + name.length + (attributes[name] as string).length;
  return size;
}

/** Below a billion. */
function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  return digits;
}
