/** The SDK's client as we use it: its own retries off (`attempts.ts` decides), connections kept and as many as calls in flight. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface ClientOptions {
  /** AWS region; of DynamoDB Local: names the database. */
  readonly region: string;
  /** Of DynamoDB Local, or of a VPC endpoint. */
  readonly endpoint?: string;
  /** Default: the SDK's chain (environment, container, instance). */
  readonly credentials?: NonNullable<DynamoDBClientConfig['credentials']>;
  /** Connections at most: as many as calls in flight. */
  readonly concurrency: number;
}

/** DynamoDB's endpoints answer within a millisecond or two; a zone that is gone does not at all. */
const CONNECT_TIMEOUT_MS = 1_000;
/** Below the 60 s or so after which DynamoDB closes an idle connection: a write on one that is being closed is ambiguous. */
const IDLE_CONNECTION_MS = 30_000;

export function createClient({ region, endpoint, credentials, concurrency }: ClientOptions): DynamoDBClient {
  const agent = { keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency, timeout: IDLE_CONNECTION_MS, scheduling: 'lifo' } as const;
  const client = new DynamoDBClient({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent(agent), connectionTimeout: CONNECT_TIMEOUT_MS }),
  });
  // Errors come as they are, and nothing but `attempts.ts` delays a call. Others stand by its name, so it is not removed.
  client.middlewareStack.add((next) => (args) => next(args), { name: 'retryMiddleware', step: 'finalizeRequest', priority: 'high', override: true });
  return client;
}
