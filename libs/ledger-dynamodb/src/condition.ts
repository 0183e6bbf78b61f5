/**
 * A range of the port as DynamoDB's key condition. DynamoDB refuses what the port takes as nothing: crossed bounds, empty
 * bounds, and a start key outside the condition.
 */
import type { QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { compareSortKeys, type Range } from '@meridian/ledger';
import { keyItem } from './item';

export type Condition = Pick<QueryCommandInput, 'KeyConditionExpression' | 'ExpressionAttributeValues' | 'ExclusiveStartKey' | 'ScanIndexForward'>;

/** Undefined: no row can be in the range. */
export function conditionOf(pk: string, { from = '', to, after, descending = false }: Range): Condition | undefined {
  if (to !== undefined && compareSortKeys(from, to) > 0) return undefined;
  if (to === '') return undefined;
  const start = startOf(from, to, after, descending);
  if (start === 'beyond') return undefined;
  const [expression, bounds] = bounded(from, to);
  return {
    KeyConditionExpression: expression,
    ExpressionAttributeValues: { ':pk': { S: pk }, ...bounds },
    ScanIndexForward: !descending,
    ...(start !== 'first' && { ExclusiveStartKey: keyItem({ pk, sk: start.after }) }),
  };
}

function bounded(from: string, to: string | undefined): [string, QueryCommandInput['ExpressionAttributeValues']] {
  if (from !== '' && to !== undefined) return ['pk = :pk AND sk BETWEEN :from AND :to', { ':from': { S: from }, ':to': { S: to } }];
  if (from !== '') return ['pk = :pk AND sk >= :from', { ':from': { S: from } }];
  if (to !== undefined) return ['pk = :pk AND sk <= :to', { ':to': { S: to } }];
  return ['pk = :pk', {}];
}

/** `after` counts only within the range: before it, it changes nothing; at its end or beyond, nothing is left. */
function startOf(from: string, to: string | undefined, after: string | undefined, descending: boolean): 'first' | 'beyond' | { readonly after: string } {
  if (after === undefined) return 'first';
  const isAboveFrom = compareSortKeys(after, from);
  const isAboveTo = to === undefined ? -1 : compareSortKeys(after, to);
  if (descending) {
    if (isAboveFrom <= 0) return 'beyond';
    return isAboveTo > 0 ? 'first' : { after };
  }
  if (isAboveTo >= 0) return 'beyond';
  return isAboveFrom < 0 || after === '' ? 'first' : { after };
}
