/** `entry`: bytes that an entry takes in a delta of 100, and that a delta of one takes as an item of the table. */
import { encodeDelta, Judge, logId, Shapes, streamId, type Entry } from '@meridian/accounting';
import { keys } from '@meridian/ledger';
import { nodeHash } from '@meridian/system';
import { round, type BenchResult } from './result';
import { sampleEvents, TENANT, toRecords } from './sample';

const DELTA_ENTRIES = 100;
const ENTRY_BYTES_MAX = 32;
const ITEM_BYTES_MAX = 200;
/** DynamoDB counts an item's attribute names too. */
const ATTRIBUTE_NAMES = ['pk', 'sk', 'value'];
const stream = streamId(logId({ region: 'ap-southeast-1', lineage: 0, partition: 2 }), 0);

export async function entry(): Promise<BenchResult> {
  const judge = new Judge(nodeHash, new Shapes(nodeHash));
  const events = sampleEvents();
  const entries = toRecords(events).map((record): Entry => {
    const judgement = judge.judge(record);
    if (judgement.kind !== 'accepted') throw new RangeError(judgement.message);
    return judgement.entry;
  });
  const perEntry: number[] = [];
  for (let at = 0; at + DELTA_ENTRIES <= entries.length; at += DELTA_ENTRIES) {
    perEntry.push(encodeDelta(entries.slice(at, at + DELTA_ENTRIES), { hasConflict: false }).length / DELTA_ENTRIES);
  }
  const items = entries.map((one, at) => {
    const { pk, sk } = keys.delta(TENANT, (events[at] as { readonly session: string }).session, stream, 1);
    return [pk, sk, ...ATTRIBUTE_NAMES].reduce((bytes, text) => bytes + text.length, encodeDelta([one], { hasConflict: false }).length);
  });
  const [mean, worst, item] = [perEntry.reduce((a, b) => a + b, 0) / perEntry.length, Math.max(...perEntry), Math.max(...items)];
  return {
    bench: 'entry',
    conditions: { stores: 'none', settings: {} },
    figures: { deltas: perEntry.length, bytesPerEntry: round(mean, 2), bytesPerEntryWorst: round(worst, 2), singleEntryItemBytesWorst: item },
    targets: [
      { name: 'bytes per entry in deltas of 100, worst', is: round(worst, 2), atMost: ENTRY_BYTES_MAX },
      { name: 'bytes of the item of a single entry, worst', is: item, atMost: ITEM_BYTES_MAX },
    ],
  };
}
