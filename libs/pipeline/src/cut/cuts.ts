/** Reading cuts: the strongly consistent originals in control, and the copies that every region has. */
import { EMPTY_CUT, type Cut } from '@meridian/accounting';
import { decodeJson, keys, type Ledger, type ResolvedThrough } from '@meridian/ledger';

/** The newest cut by the control table. */
export async function newestCut(control: Ledger): Promise<Cut> {
  const page = await control.query(keys.controlCutsPk, { descending: true, limit: 1 }, { consistent: true });
  const row = page.rows[0];
  return row ? decodeJson<Cut>(row.value) : EMPTY_CUT;
}

/** The newest cut of which this replica has a copy. */
export async function newestCopy(ledger: Ledger): Promise<Cut> {
  const page = await ledger.query(keys.cutsPk, { descending: true, limit: 1 }, { consistent: false });
  const row = page.rows[0];
  return row ? decodeJson<Cut>(row.value) : EMPTY_CUT;
}

/** A cut by its number, from this replica's copies. */
export async function copyOfCut(ledger: Ledger, k: number): Promise<Cut | undefined> {
  if (k === 0) return EMPTY_CUT;
  const row = await ledger.get(keys.cutCopy(k), { consistent: true });
  return row && decodeJson<Cut>(row.value);
}

/** The last cut that the region has resolved whole: the one its answers are at. */
export async function resolvedThrough(ledger: Ledger, region: string): Promise<Cut> {
  const row = await ledger.get(keys.resolved(region), { consistent: true });
  return row ? decodeJson<ResolvedThrough>(row.value).cut : EMPTY_CUT;
}
