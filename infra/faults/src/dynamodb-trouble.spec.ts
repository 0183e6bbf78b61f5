import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoLedger } from '@meridian/ledger-dynamodb';
import { addTrouble, type Order, type Trouble } from './dynamodb-trouble';

/** The SDK loads much at its first request, and waits between its attempts: a machine under load takes its time. */
jest.setTimeout(60_000);

const REGION = 'eu-west-1';
const TABLE = 'table';
const here = { region: REGION, credentials: { accessKeyId: 'k', secretAccessKey: 's' } };

interface Asked {
  readonly Key?: object;
  readonly Item?: object;
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly object[] }>>;
}

/** Answers what it is asked for: every row is there. */
let server: Server;
let taken: number;
/** Of the puts that it has carried out. */
let put: unknown;
beforeEach(async () => {
  taken = 0;
  put = undefined;
  server = createServer((request, response) => void textOf(request).then((text) => {
    taken++;
    const { Key, Item, RequestItems } = JSON.parse(text) as Asked;
    const value = { b: { B: '' }, v: { N: '0' } };
    const conditionFailed = { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', message: 'The conditional request failed', Item: put };
    if (Item && put !== undefined) return response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(conditionFailed));
    put ??= Item;
    const got = Object.fromEntries(Object.entries(RequestItems ?? {}).map(([table, { Keys }]) => [table, Keys.map((key) => ({ ...key, ...value }))]));
    return response.end(JSON.stringify(RequestItems ? { Responses: got, UnprocessedKeys: {} } : Key ? { Item: { ...Key, ...value } } : {}));
  }));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => new Promise((done) => server.close(done)));

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const endpoint = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const wholly = (trouble: Trouble, region = REGION): Order => ({ trouble, region, share: 1 });

/** In trouble for so many requests, then no more. */
function troubled(order: Order, times = Infinity): { readonly configure: (client: DynamoDBClient) => void; touched: number } {
  const parts = { touched: 0, configure: (client: DynamoDBClient): void => addTrouble(client, { order: () => (parts.touched < times ? order : undefined), random: () => 0.5, onTouched: () => parts.touched++ }) };
  return parts;
}

async function get(order: Order, times?: number): Promise<{ readonly touched: number; readonly error: unknown }> {
  const trouble = troubled(order, times);
  const client = new DynamoDBClient({ ...here, endpoint: endpoint(), maxAttempts: 3 });
  trouble.configure(client);
  const error: unknown = await client.send(new GetItemCommand({ TableName: TABLE, Key: { pk: { S: 'a' }, sk: { S: 'b' } } })).then(() => undefined, (thrown: unknown) => thrown);
  client.destroy();
  return { touched: trouble.touched, error };
}

function ledger(order: Order, times?: number): { readonly ledger: DynamoLedger; readonly trouble: { readonly touched: number } } {
  const trouble = troubled(order, times);
  return { trouble, ledger: new DynamoLedger({ ...here, endpoint: endpoint(), table: TABLE, random: { next: () => 0 }, configure: trouble.configure }) };
}

describe('a DynamoDB on a bad day, for the SDK', () => {
  it('throttles, does nothing, and the SDK tries again by itself', async () => {
    expect(await get(wholly('throttle'), 2)).toEqual({ touched: 2, error: undefined });
    expect(taken).toBe(1);
    expect(await get(wholly('throttle'))).toMatchObject({ touched: 3, error: { name: 'ProvisionedThroughputExceededException', $metadata: { httpStatusCode: 400, attempts: 3 } } });
    expect(taken).toBe(1);
  });

  it('does what it is asked and never says so', async () => {
    expect(await get(wholly('timeout-after-success'), 1)).toEqual({ touched: 1, error: undefined });
    expect(taken).toBe(2);
  });

  it('leaves other regions alone, other commands than it can answer in part, and those that chance spares', async () => {
    for (const order of [wholly('throttle', 'us-east-1'), wholly('unprocessed-keys'), { ...wholly('throttle'), share: 0.4 }]) expect(await get(order)).toEqual({ touched: 0, error: undefined });
  });
});

describe('a DynamoDB on a bad day, for the ledger', () => {
  it('leaves keys for later until the ledger has asked for all of them', async () => {
    const { ledger: one, trouble } = ledger(wholly('unprocessed-keys'));
    const keys = ['a', 'b', 'c', 'd', 'e'].map((pk) => ({ pk, sk: '0' }));
    expect(await one.getMany(keys, { consistent: true })).toMatchObject(keys);
    // 5 keys, of which 2 are left, of which 1 is left.
    expect([taken, trouble.touched]).toEqual([3, 3]);
    await one.close();
  });

  it('has written a row in spite of a timeout, and the ledger finds that it is its own', async () => {
    const { ledger: one } = ledger(wholly('timeout-after-success'), 1);
    expect(await one.insert({ pk: 'a', sk: '0', value: Buffer.from('x') })).toBe('inserted');
    expect(taken).toBe(2);
    await one.close();
  });
});
