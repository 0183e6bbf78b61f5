/**
 * What a rerun found: every row that did not say what the evidence says is counted once, the first of them are kept for a
 * person, as far as they fit into the row of a job.
 */
import { encodeJson, type Key } from '@meridian/ledger';

/** A row that did not say what the evidence says. */
export interface Difference {
  readonly row: 'U' | 'V' | 'T';
  readonly pk: string;
  readonly sk: string;
  readonly problem: 'missing' | 'extra' | 'wrong' | 'corrupt';
  /** As stored and as it must be, JSON or how it begins; null for a row that is not there or must not be. */
  readonly stored: unknown;
  readonly expected: unknown;
}

/** Differences that are kept, and their bytes as JSON. */
export const DIFFERENCES_MAX = 1_000;
export const DIFFERENCES_BYTES_MAX = 256 * 1_024;
/** A row that is larger is shown as text, as far as `SHOWN_CHARS`. */
const SHOWN_BYTES_MAX = 16 * 1_024;
const SHOWN_CHARS = 200;
const decoder = new TextDecoder();

export class Differences {
  readonly kept: Difference[] = [];
  private bytes = 0;
  private readonly names = new Set<string>();

  /** Rows that differed. */
  get count(): number {
    return this.names.size;
  }

  /** Only the first of each row. `stored` and `expected`: its bytes. */
  note(key: Key, { row, problem, stored, expected }: Pick<Difference, 'row' | 'problem'> & { readonly stored: Uint8Array | undefined; readonly expected: Uint8Array }): void {
    const { pk, sk } = key;
    const name = `${pk} ${sk}`;
    if (this.names.has(name)) return;
    this.names.add(name);
    if (this.kept.length === DIFFERENCES_MAX || this.bytes > DIFFERENCES_BYTES_MAX) return;
    const difference: Difference = { row, pk, sk, problem, stored: stored ? show(stored) : null, expected: show(expected) };
    this.bytes += encodeJson(difference).length;
    if (this.bytes <= DIFFERENCES_BYTES_MAX) this.kept.push(difference);
  }
}

/** A row's bytes for a person: JSON if they are and there are not too many, else how their text begins. */
function show(bytes: Uint8Array): unknown {
  const text = decoder.decode(bytes);
  try {
    if (bytes.length <= SHOWN_BYTES_MAX) return JSON.parse(text) as unknown;
  } catch {
    // No JSON.
  }
  return text.slice(0, SHOWN_CHARS);
}
