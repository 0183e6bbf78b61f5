/** What a directory says about itself: the layout it is written in, whose replica it is, and which one. */
import { randomUUID } from 'node:crypto';
import { LedgerError } from '@meridian/ledger';
import type { Level } from '@meridian/level';
import { META_KEY } from './keys';

/** Version of the layout of keys and rows. */
const FORMAT = 1;

export interface ReplicaIdentity {
  /** The region whose replica it is; absent for a table that is not replicated. */
  readonly origin?: string;
  /** Of this directory: one that is created anew is another, whatever its origin. */
  readonly replica: string;
}

export async function loadIdentity(level: Level, origin: string | undefined): Promise<ReplicaIdentity> {
  const stored = await level.get(META_KEY);
  if (!stored) {
    const identity = { replica: randomUUID(), ...(origin === undefined ? {} : { origin }) };
    await level.put(META_KEY, Buffer.from(JSON.stringify({ format: FORMAT, ...identity })), { sync: true });
    return identity;
  }
  const { format, ...identity } = JSON.parse(stored.toString()) as ReplicaIdentity & { readonly format: number };
  if (format !== FORMAT) throw new LedgerError('ledger_invalid', `the ledger's directory is of format ${format}, and this version reads format ${FORMAT}`);
  if (identity.origin !== origin) {
    throw new LedgerError('ledger_invalid', `the ledger's directory has origin ${identity.origin ?? 'none'}, not ${origin ?? 'none'}`);
  }
  return identity;
}
