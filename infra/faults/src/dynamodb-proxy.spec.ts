import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDbProxy, withUnprocessed, type Trouble } from './dynamodb-proxy';
import { Random } from './random';

const key = (id: string) => ({ pk: { S: id } });
const asked = { RequestItems: { table: { Keys: [key('a'), key('b'), key('c')], ConsistentRead: true } } };
const got = { Responses: { table: [{ ...key('b'), value: { S: '2' } }, { ...key('a'), value: { S: '1' } }] }, UnprocessedKeys: {} };

let server: Server;
let taken: number;
beforeEach(async () => {
  taken = 0;
  server = createServer((request, response) => {
    taken++;
    request.resume().on('end', () => response.end(JSON.stringify(got)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => server.close());

async function ask(trouble: Trouble, timeoutMs = 5_000): Promise<{ readonly status: number; readonly body: unknown }> {
  const proxy = await DynamoDbProxy.listen({ targetPort: (server.address() as AddressInfo).port, random: new Random(1), trouble, share: 1 });
  try {
    const response = await fetch(`http://127.0.0.1:${proxy.port}`, {
      method: 'POST', body: JSON.stringify(asked), headers: { 'x-amz-target': 'DynamoDB_20120810.BatchGetItem' }, signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, body: await response.json() };
  } finally {
    await proxy.close();
  }
}

describe('a DynamoDB on a bad day', () => {
  it('throttles, and does nothing', async () => {
    expect(await ask('throttle')).toMatchObject({ status: 400, body: { __type: expect.stringContaining('ProvisionedThroughputExceeded') as string } });
    expect(taken).toBe(0);
  });

  it('leaves keys for later', async () => {
    expect(await ask('unprocessed-keys')).toMatchObject({ status: 200, body: withUnprocessed(asked, got) });
  });

  it('does what it is asked and never says so', async () => {
    await expect(ask('timeout-after-success', 300)).rejects.toThrow('timeout');
    expect(taken).toBe(1);
  });
});

describe('keys that were not processed', () => {
  it('have no item in the answer, and are named as they were asked for', () => {
    expect(withUnprocessed(asked, got)).toEqual({
      Responses: { table: [{ ...key('a'), value: { S: '1' } }] },
      UnprocessedKeys: { table: { Keys: [key('b')], ConsistentRead: true } },
    });
  });
});
