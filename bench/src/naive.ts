/**
 * What is usually built: an item for the dedupe, one for the event, an update of the session's counters, an update of the
 * tenant's day. Its rows are as small as they can be; it is not exact across regions, which costs nothing.
 */
import type { UsageEvent } from '@meridian/accounting';
import { encodeJson } from '@meridian/ledger';
import { UnitCounter } from './replicas';

const DAY_MS = 86_400_000;

/** Write units by kind of row, all replicas together. */
export function countNaive(events: readonly UsageEvent[], replicas: number): UnitCounter {
  const counter = new UnitCounter();
  const sums = new Map<string, Record<string, number>>();
  const add = (pk: string, sk: string, value: object): void => counter.add({ pk, sk, value: encodeJson(value) }, replicas);
  const update = (pk: string, sk: string, { tokens }: UsageEvent): void => {
    const sum = { ...sums.get(pk + sk) };
    for (const [bucket, count] of Object.entries(tokens)) sum[bucket] = (sum[bucket] ?? 0) + count;
    sums.set(pk + sk, sum);
    add(pk, sk, sum);
  };
  for (const event of events) {
    const { tenant, source, id, session, time, provider, model, tokens } = event;
    add(`DEDUPE#${tenant}`, `${source}#${id}`, {});
    add(`EVENT#${tenant}#${session}`, `${time}#${source}#${id}`, { provider, model, tokens });
    update(`SESSION#${tenant}`, session, event);
    update(`DAY#${tenant}`, String(Math.floor(time / DAY_MS)), event);
  }
  return counter;
}
