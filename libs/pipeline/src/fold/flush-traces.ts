/**
 * The traces of a flush: contexts (W3C, from record headers) of the requests in it that somebody records, each once.
 * Asked for every record that has headers, so it does little: what one request appended mostly stands together.
 */

/** Enough to follow a batch, bounded whatever its size. */
const TRACES_MAX = 16;
/** Where the flags stand in a `traceparent`: behind version, trace id and span id. */
const FLAGS_AT = 53;
const FLAG_SAMPLED = 1;

export class FlushTraces {
  readonly kept: Readonly<Record<string, string>>[] = [];
  private last: string | undefined;

  note(headers: Readonly<Record<string, string>>): void {
    if (this.kept.length >= TRACES_MAX) return;
    const { traceparent } = headers;
    if (traceparent === undefined || traceparent === this.last) return;
    this.last = traceparent;
    if ((Number.parseInt(traceparent.slice(FLAGS_AT, FLAGS_AT + 2), 16) & FLAG_SAMPLED) !== 0) this.kept.push(headers);
  }
}
