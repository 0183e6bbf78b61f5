/**
 * Whether a log still is the one a stream was folded from. A log that was truncated, or re-created under its name, may
 * grow past the old end again: offsets alone never tell, the record before the last manifest's end does.
 */
import { decodeManifest, type Fingerprint, type Hash, type Segment, type Shapes } from '@meridian/accounting';
import { EventLogError, type EventLog, type Extent, type LogRecord } from '@meridian/event-log';
import { keys, type Ledger, type StoredRow } from '@meridian/ledger';
import { PipelineError } from '../errors';

export interface LastManifest {
  /** Its number in the last segment's stream, 0 when that has none. */
  readonly number: number;
  /** One past what it was made of; where nothing was folded, where the log began when it was registered. */
  readonly end: number;
  /** Undefined where nothing was folded. */
  readonly fingerprint: Fingerprint | undefined;
  /** From where the last segment's stream goes on: before `end` when the one before it was written past its segment. */
  readonly next: number;
}

/**
 * The last manifest of the last of these segments, or of the one before, where the last has none yet: what the log must
 * still hold. (The one before may have been written past its segment; that too was the log.) Undefined when there is no
 * segment. Rejects with `not_replicated` when a segment was closed at a manifest that this replica does not have yet.
 */
export async function lastManifest(ledger: Ledger, segments: readonly Segment[], shapes: Shapes): Promise<LastManifest | undefined> {
  const last = segments.at(-1);
  if (!last) return undefined;
  const row = await lastRow(ledger, last);
  if (row) {
    const folded = read(row, shapes);
    return { ...folded, number: Number(row.sk), next: folded.end };
  }
  const before = segments.findLast((segment) => segment !== last && segment.manifests > 0);
  if (!before) return { number: 0, end: last.from, fingerprint: undefined, next: last.from };
  const closing = await lastRow(ledger, before);
  if (!closing || Number(closing.sk) < before.manifests) {
    throw new PipelineError('not_replicated', `manifest ${before.manifests} of ${before.stream}, which ${last.stream} follows, is not here yet`);
  }
  return { ...read(closing, shapes), number: 0, next: last.from };
}

export function fingerprintOf({ epoch, value }: LogRecord, hash: Hash): Fingerprint {
  return { epoch, sha256: hash.bytes(value) };
}

async function lastRow(ledger: Ledger, { stream }: Segment): Promise<StoredRow | undefined> {
  return (await ledger.query(keys.manifestPk(stream), { descending: true, limit: 1 }, { consistent: true })).rows[0];
}

function read(row: StoredRow, shapes: Shapes): Pick<LastManifest, 'end' | 'fingerprint'> {
  const { end, fingerprint } = decodeManifest(row.value, shapes);
  return { end, fingerprint };
}

/**
 * - `same`: the log goes on from where it was folded (or retention removed exactly what was folded).
 * - `truncated`: the record at `end − 1` is gone or another one.
 * - `gap`: records from `next` on were removed before they were folded.
 */
export type Intactness = 'same' | 'truncated' | 'gap';

/** `at`: where the partition starts and ends now. Rejects with `log_unavailable` when the log gives no record there just now: that says nothing. */
export async function checkFingerprint(
  { log, hash }: { readonly log: Pick<EventLog, 'read'>; readonly hash: Hash },
  at: Extent & { readonly partition: number },
  { end, fingerprint, next }: LastManifest,
): Promise<Intactness> {
  if (end > at.end) return 'truncated';
  if (next < at.start) return 'gap';
  // What was folded is gone by retention, or nothing was: what follows is all there.
  if (end === at.start || !fingerprint) return 'same';
  const [record] = await log.read(at.partition, end - 1, 1);
  // A broker that throttles answers nothing, and so does a new leader that does not know yet what all have. A log that was cut says so by its end.
  if (!record) throw new EventLogError('log_unavailable', `the log ends at ${at.end} and gives no record at ${end - 1}`, { partition: at.partition });
  return record.epoch === fingerprint.epoch && hash.bytes(record.value) === fingerprint.sha256 ? 'same' : 'truncated';
}
