/** What writes cost, by kind of row: the prefix of the partition key (`S`, `M`, `U`, …), of which there are few. */
import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import type { Row } from '@meridian/ledger';

export interface Write {
  readonly kind: string;
  /** Write units of this replica; each other replica of a global table costs as many replicated ones. */
  readonly units: number;
  /** Its condition failed. Costs units too, but DynamoDB does not say how many: this is what the row would have cost. */
  readonly isRefused: boolean;
}

/** One write unit. */
const UNIT_BYTES = 1_024;
/** Names of the attributes, the version, and the item's own. */
const OVERHEAD_BYTES = 16;

/** `S#tenant#session` → `S`; `LOG` → `LOG`. */
export function rowKind(pk: string): string {
  const at = pk.indexOf('#');
  return at < 0 ? pk : pk.slice(0, at);
}

export function written(row: Row, consumed: ConsumedCapacity | undefined): Write {
  return { kind: rowKind(row.pk), units: consumed?.CapacityUnits ?? writeUnits(row), isRefused: false };
}

export function refused(row: Row): Write {
  return { kind: rowKind(row.pk), units: writeUnits(row), isRefused: true };
}

/** What a write of the row costs at one replica: a unit for every KiB begun. */
export function writeUnits({ pk, sk, value }: Row): number {
  return Math.ceil((Buffer.byteLength(pk) + Buffer.byteLength(sk) + value.length + OVERHEAD_BYTES) / UNIT_BYTES);
}
