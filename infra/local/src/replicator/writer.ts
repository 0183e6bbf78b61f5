/**
 * Changes as conditional writes to one region's table. Each is one `PutItem` or `DeleteItem`; several go in
 * one transaction, which costs DynamoDB Local a quarter, and after which each stands for itself again.
 */
import {
  DeleteItemCommand, PutItemCommand, TransactWriteItemsCommand,
  type AttributeValue, type CancellationReason, type DynamoDBClient, type Put, type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { written, type Change } from './change';
import { STAMP, type Image } from './stamp';

/** `written`; or `refused` by the condition, with the item that is there; or `again`, for a reason that has nothing to do with it. */
export type Outcome = { readonly is: 'written' } | { readonly is: 'refused'; readonly item?: Image } | { readonly is: 'again' };

/** A request that hangs is asked again: every write may be repeated. */
const REQUEST_TIMEOUT_MS = 10_000;

export class Writer {
  constructor(private readonly client: DynamoDBClient, private readonly table: string) {}

  /** Of different items. Rejects when the region does not answer, or refuses the request as such. */
  async write(changes: readonly Change[]): Promise<readonly Outcome[]> {
    const items = changes.map((change) => this.item(change));
    const [only] = items;
    if (items.length === 1 && only) return [await this.one(only)];
    try {
      await this.client.send(new TransactWriteItemsCommand({ TransactItems: items }), this.options());
      return changes.map(() => ({ is: 'written' }));
    } catch (error) {
      const { name, CancellationReasons: reasons } = error as { readonly name: string; readonly CancellationReasons?: readonly CancellationReason[] };
      if (name !== 'TransactionCanceledException' || !reasons) throw error;
      return reasons.map(({ Code, Item }) => (Code === 'ConditionalCheckFailed' ? refused(Item) : { is: 'again' }));
    }
  }

  private async one({ Put, Delete }: TransactWriteItem): Promise<Outcome> {
    try {
      if (Put) await this.client.send(new PutItemCommand(Put), this.options());
      if (Delete) await this.client.send(new DeleteItemCommand(Delete), this.options());
      return { is: 'written' };
    } catch (error) {
      const { name, Item } = error as { readonly name: string; readonly Item?: Image };
      if (name === 'ConditionalCheckFailedException') return refused(Item);
      throw error;
    }
  }

  private options(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) };
  }

  /** The conditions say what `verdict` says, where it can be said in one request. */
  private item(change: Change): TransactWriteItem {
    const { pk, sk } = change.key;
    const base = { TableName: this.table, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
    const key = { pk: { S: pk }, sk: { S: sk } };
    const stamped = { ExpressionAttributeNames: { '#stamp': STAMP }, ExpressionAttributeValues: { ':stamp': { S: change.stamp } } };
    switch (change.kind) {
      case 'put':
        return { Put: { ...base, Item: { ...written(change) }, ConditionExpression: 'attribute_not_exists(pk) OR #stamp < :stamp', ...stamped } };
      case 'delete':
        return { Delete: { ...base, Key: key, ConditionExpression: 'attribute_not_exists(pk) OR #stamp <= :stamp', ...stamped } };
      case 'stamp':
        return { Put: { ...base, Item: { ...written(change) }, ...unlessOverwritten(change) } };
    }
  }
}

function refused(item: Image | undefined): Outcome {
  return { is: 'refused', ...(item && { item }) };
}

/** That the item still is the one of the record, or one that it had overwritten. */
function unlessOverwritten({ image, above }: Extract<Change, { kind: 'stamp' }>): Pick<Put, 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'> {
  const names: Record<string, string> = { '#stamp': STAMP };
  const values: Record<string, AttributeValue> = { ':above': { S: above } };
  const same = ['attribute_exists(pk)', ...(STAMP in image ? [] : ['attribute_not_exists(#stamp)'])];
  for (const [index, [name, value]] of Object.entries(image).entries()) {
    if (name === 'pk' || name === 'sk') continue;
    names[`#a${index}`] = name;
    values[`:a${index}`] = value;
    same.push(`#a${index} = :a${index}`);
  }
  return { ConditionExpression: `(${same.join(' AND ')}) OR #stamp <= :above`, ExpressionAttributeNames: names, ExpressionAttributeValues: values };
}
