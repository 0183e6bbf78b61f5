import { createHash } from 'node:crypto';
import { logId, type Hash } from '@meridian/accounting';
import { decodeJson, type QuarantineRow } from '@meridian/ledger';
import { quarantineRow } from './quarantine';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
const LOG = logId({ region: 'east', lineage: 0, partition: 0 });
/** DynamoDB's limit of an item, of which its keys are a part. */
const ITEM_BYTES_MAX = 400 * 1024;
const KEY_BYTES_MAX = 2_048 + 1_024;

/** The row of a record of that many bytes, and its bytes. */
function put(bytes: number): { readonly value: Uint8Array; readonly row: QuarantineRow; readonly size: number } {
  const value = Uint8Array.from({ length: bytes }, (_, i) => i % 251);
  const judgement = { kind: 'quarantined', code: 'malformed', message: 'the record is not JSON in UTF-8', rules: 0, tenant: '' } as const;
  const row = quarantineRow(LOG, { record: { partition: 0, offset: 7, time: 0, epoch: 0, value }, judgement }, hash);
  return { value, row: decodeJson<QuarantineRow>(row.value), size: row.value.length };
}

describe('the row of a record in quarantine', () => {
  it.each([0, 1, 1_000, 200 * 1024])('has all of a record of %i bytes', (bytes) => {
    const { row, value, size } = put(bytes);
    expect(row).toMatchObject({ code: 'malformed', message: 'the record is not JSON in UTF-8', rules: 0, tenant: '', time: 0 });
    expect(Buffer.from(row.raw, 'base64').equals(value)).toBe(true);
    expect(row).not.toHaveProperty('cut');
    expect(size).toBeLessThan(ITEM_BYTES_MAX - KEY_BYTES_MAX);
  });

  it.each([200 * 1024 + 1, 1024 * 1024, 8 * 1024 * 1024])('fits the ledger when the record has %i bytes, and says what it was', (bytes) => {
    const { row, value, size } = put(bytes);
    expect(size).toBeLessThan(ITEM_BYTES_MAX - KEY_BYTES_MAX);
    const kept = Buffer.from(row.raw, 'base64');
    expect(kept.length).toBeGreaterThanOrEqual(200_000);
    expect(kept.equals(value.subarray(0, kept.length))).toBe(true);
    expect(row.cut).toEqual({ bytes, sha256: createHash('sha256').update(value).digest('hex') });
  });
});
