import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { createClient } from './client';

describe('the client', () => {
  it('keeps its connections, as many as calls in flight and no more', async () => {
    let connections = 0;
    const server = createServer((_, response) => void setImmediate(() => response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}')));
    server.on('connection', () => connections++);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient({ region: 'eu-west-1', endpoint, credentials: { accessKeyId: 'a', secretAccessKey: 'a' }, concurrency: 4 });
    const get = (): Promise<unknown> => client.send(new GetItemCommand({ TableName: 't', Key: { pk: { S: 'p' }, sk: { S: 's' } } }));
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 20 }, get));
    expect(connections).toBe(4);
    client.destroy();
    await new Promise((done) => server.close(done));
  });
});
