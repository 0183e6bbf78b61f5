/**
 * Whether a stream may have deltas of records that no manifest covers. A folder writes deltas ahead of its manifest; when
 * it dies there, and the log is cut below them before they are read again, other records come to lie at their offsets:
 * the deltas would be counted for those. So it is on record while deltas are written ahead, and whoever comes next
 * doubts the stream when another leader has written where they may lie. Found by a review.
 */
import type { Clock, StreamId } from '@meridian/accounting';
import type { LogRecord } from '@meridian/event-log';
import { decodeJson, encodeJson, keys, type Ahead, type Ledger } from '@meridian/ledger';

const NOWHERE = -1;

export class RunAhead {
  /** Of the row as it was read or written last here. */
  private version = 0;
  /** The row says that this folder writes ahead. */
  private isOnRecord = false;
  /** Something was written since the last manifest. */
  private isAhead = false;
  /** Up to this offset, inclusive, a folder before this one may have written deltas; its first was of this leader. */
  private doubtTo = NOWHERE;
  private doubtEpoch = 0;

  constructor(
    private readonly parts: { readonly ledger: Ledger; readonly clock: Clock },
    private readonly stream: StreamId,
  ) {}

  /** The folder stands at manifest number `manifest`. `end`: where the log ends now. */
  async open(manifest: number, end: () => Promise<number>): Promise<void> {
    const row = await this.parts.ledger.get(keys.ahead(this.stream), { consistent: true });
    const known = row && decodeJson<Ahead>(row.value);
    this.version = row?.version ?? 0;
    [this.isOnRecord, this.isAhead] = [false, false];
    const isDoubted = known !== undefined && (known.isAhead || known.manifest !== manifest);
    this.doubtEpoch = known?.epoch ?? 0;
    this.doubtTo = isDoubted ? await end() : NOWHERE;
  }

  /**
   * Of a record that another leader wrote than the one before, or the first of a stream: whether the log may have been
   * cut below what a folder before this one wrote.
   */
  isDoubtful({ offset, epoch }: Pick<LogRecord, 'offset' | 'epoch'>, isFirst: boolean): boolean {
    return offset <= this.doubtTo && (!isFirst || epoch !== this.doubtEpoch);
  }

  /** Before anything is written that no manifest covers; the first of it is a record of leader `epoch`. */
  async begin(manifest: number, epoch: number): Promise<void> {
    while (!this.isOnRecord) {
      this.isOnRecord = await this.replace({ isAhead: true, manifest, epoch }, Math.max(this.parts.clock.now(), this.version + 1));
      if (!this.isOnRecord) this.version = (await this.parts.ledger.get(keys.ahead(this.stream), { consistent: true }))?.version ?? 0;
    }
    this.isAhead = true;
  }

  /** A manifest covers everything that was written. */
  covered(): void {
    this.isAhead = false;
  }

  /** The folder leaves. Takes the record back if it is all its own and nothing is ahead; if someone else is at work, theirs stands. */
  async end({ manifest, start }: { readonly manifest: number; readonly start: number }): Promise<void> {
    if (!this.isOnRecord || this.isAhead || start <= this.doubtTo) return;
    this.isOnRecord = false;
    // Under the version it began with: whoever began after that has a later one.
    await this.replace({ isAhead: false, manifest, epoch: 0 }, this.version);
  }

  private async replace(value: Ahead, version: number): Promise<boolean> {
    const { ledger } = this.parts;
    const answer = await ledger.replace({ ...keys.ahead(this.stream), version, value: encodeJson(value) });
    if (answer === 'replaced') this.version = version;
    return answer === 'replaced';
  }
}
