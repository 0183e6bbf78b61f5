/**
 * What a record of a region's stream means for the replicas, and what is to be done with a replica's item: the decisions
 * of the replicator, pure. A local write is stamped in its own region first; the record of that carries the stamp to the
 * others, so a stamp is issued once, and reading a stream again changes nothing.
 * Why replicas converge: stamped items are overwritten by higher stamps only, and items without stamp never.
 */
import { isDeepStrictEqual } from 'node:util';
import { NONE, regionOf, STAMP, stampOf, type Image, type Stamp, type Stamps } from './stamp';

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/**
 * - `stamp`: the local write `image` gets its stamp, in its own region, unless it has been overwritten. It had overwritten
 *   what was stamped up to `above`: an item up to there is an older one that came back, or it was taken for an older one.
 * - `put`: the write reaches another region.
 * - `delete`: no item up to the stamp stays, in any region.
 */
export type Change =
  | { readonly kind: 'stamp'; readonly key: ItemKey; readonly stamp: Stamp; readonly image: Image; readonly above: Stamp }
  | { readonly kind: 'put'; readonly key: ItemKey; readonly stamp: Stamp; readonly image: Image }
  | { readonly kind: 'delete'; readonly key: ItemKey; readonly stamp: Stamp };

export interface StreamRecord {
  readonly key: ItemKey;
  readonly before?: Image;
  readonly after?: Image;
  /** When DynamoDB says that it was made, ms. */
  readonly recordedMs: number;
}

/** Who is to do what: the region whose stream it is, and the others. */
export interface Changes {
  readonly own?: Change;
  readonly others?: Change;
}

export interface Origin {
  readonly region: string;
  readonly stamps: Stamps;
  readonly nowMs: number;
  /** Up to which the item is known to be deleted: what is written after knowing that is above it. */
  readonly grave: Stamp | undefined;
}

/** Called for the records of a stream in their order. */
export function changesOf({ key, before, after, recordedMs }: StreamRecord, { region, stamps, nowMs, grave = NONE }: Origin): Changes {
  const [stampBefore, stamp] = [stampOf(before) ?? NONE, stampOf(after)];
  const name = nameOf(key);
  if (!after) {
    const above = stamps.overwritten(name, stampBefore);
    stamps.settle(name);
    // An item with stamp may have been deleted by us, so its deletion is no event of its own: it ends that write, wherever it is.
    const deletion: Change = { kind: 'delete', key, stamp: stampBefore === NONE ? stamps.issue(nowMs, recordedMs) : above };
    return { own: deletion, others: deletion };
  }
  if (stamp === undefined) {
    const above = stamps.overwritten(name, stampBefore > grave ? stampBefore : grave);
    return { own: { kind: 'stamp', key, stamp: stamps.issue(nowMs, recordedMs), image: after, above } };
  }
  stamps.settle(name, stamp);
  stamps.see(stampBefore);
  // We raise stamps always: one that stayed was kept by somebody's update of single attributes.
  if (stamp === stampBefore) return { own: { kind: 'stamp', key, stamp: stamps.issue(nowMs, recordedMs), image: after, above: NONE } };
  return regionOf(stamp) === region ? { others: { kind: 'put', key, stamp, image: after } } : {};
}

/** An item that was there before the stream began: stamped when it is not, and sent to all when it is. */
export function changesOfScanned(key: ItemKey, image: Image, { stamps, grave = NONE }: Origin): Changes {
  const stamp = stampOf(image);
  stamps.see(stamp ?? grave);
  // Older than anything that is still in the stream.
  if (stamp === undefined) return { own: { kind: 'stamp', key, stamp: stamps.issue(0, 0), image, above: NONE } };
  return { others: { kind: 'put', key, stamp, image } };
}

/** `write`: do it. `done`: there is nothing to do any more. `wait`: the item is a local write, whose stamp has to be known first. */
export function verdict(change: Change, item: Image | undefined): 'write' | 'done' | 'wait' {
  if (!item) return change.kind === 'put' ? 'write' : 'done';
  const stamp = stampOf(item);
  switch (change.kind) {
    case 'stamp':
      return isDeepStrictEqual(item, change.image) || (stamp !== undefined && stamp <= change.above) ? 'write' : 'done';
    case 'put':
      return stamp === undefined ? 'wait' : stamp < change.stamp ? 'write' : 'done';
    case 'delete':
      return stamp === undefined ? 'wait' : stamp <= change.stamp ? 'write' : 'done';
  }
}

/** The item that a change leaves. */
export function written(change: Change): Image | undefined {
  return change.kind === 'delete' ? undefined : { ...change.image, [STAMP]: { S: change.stamp } };
}

/** A name no two keys share. */
export function nameOf({ pk, sk }: ItemKey): string {
  return `${pk.length}:${pk}${sk}`;
}
