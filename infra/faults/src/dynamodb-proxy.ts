/**
 * Speaks HTTP before a DynamoDB, and answers for it what its own service answers on a bad day: throttled, some keys not
 * looked at, or nothing at all after the write was made.
 */
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HOST } from '@meridian/local';
import type { Random } from './random';

/** What happens to a share of the requests. */
export type Trouble = 'throttle' | 'unprocessed-keys' | 'timeout-after-success';

export interface DynamoDbProxyOptions {
  readonly targetPort: number;
  readonly random: Random;
  readonly trouble: Trouble;
  /** 0 to 1, of the requests. */
  readonly share: number;
}

interface BatchGet {
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly object[] }>>;
}

interface BatchGot {
  readonly Responses: Readonly<Record<string, readonly Readonly<Record<string, object>>[]>>;
  readonly UnprocessedKeys?: object;
}

const THROTTLED = JSON.stringify({ __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'The level of configured provisioned throughput for the table was exceeded.' });

export class DynamoDbProxy {
  private readonly agent = new Agent({ keepAlive: true });
  /** How many requests it did not just pass on. */
  troubled = 0;

  private constructor(
    private readonly server: Server,
    private readonly options: DynamoDbProxyOptions,
  ) {}

  static async listen(options: DynamoDbProxyOptions): Promise<DynamoDbProxy> {
    const server = createServer();
    const proxy = new DynamoDbProxy(server, options);
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => void proxy.serve(asked, answer).catch(() => answer.destroy()));
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, HOST, done));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    this.agent.destroy();
    await closed;
  }

  private async serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bytesOf(asked);
    const isTroubled = this.options.random.next() < this.options.share;
    const { trouble } = this.options;
    if (isTroubled && trouble === 'throttle') {
      this.troubled++;
      answer.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(THROTTLED);
      return;
    }
    const passed = await this.pass(asked, body);
    let bytes = await bytesOf(passed);
    if (isTroubled && trouble === 'timeout-after-success') {
      this.troubled++;
      // Never answered; the client gives up in its own time.
      return;
    }
    const { 'x-amz-crc32': _, 'content-length': __, 'transfer-encoding': ___, ...headers } = passed.headers;
    if (isTroubled && passed.statusCode === 200 && String(asked.headers['x-amz-target']).endsWith('.BatchGetItem')) {
      this.troubled++;
      bytes = Buffer.from(JSON.stringify(withUnprocessed(JSON.parse(body.toString()) as BatchGet, JSON.parse(bytes.toString()) as BatchGot)));
    }
    answer.writeHead(passed.statusCode ?? 500, headers).end(bytes);
  }

  private pass(asked: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    return new Promise((done, fail) => {
      const { method, url, headers } = asked;
      request({ host: HOST, port: this.options.targetPort, method, path: url, headers, agent: this.agent }, done).once('error', fail).end(body);
    });
  }
}

/** The answer without the items of every other key, and those keys as not processed. */
export function withUnprocessed({ RequestItems = {} }: BatchGet, got: BatchGot): BatchGot {
  const unprocessed: Record<string, object> = {};
  const responses = { ...got.Responses };
  for (const [table, wanted] of Object.entries(RequestItems)) {
    const left = wanted.Keys.filter((_, at) => at % 2 === 1);
    if (left.length === 0) continue;
    unprocessed[table] = { ...wanted, Keys: left };
    responses[table] = (responses[table] ?? []).filter((item) => !left.some((key) => Object.entries(key).every(([name, value]) => JSON.stringify(item[name]) === JSON.stringify(value))));
  }
  return { ...got, Responses: responses, UnprocessedKeys: unprocessed };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
