/** The SDK's clients of one region: connections kept, no retries of their own, for the replicator knows better when to try again. */
import { Agent } from 'node:http';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createClient } from '@meridian/ledger-dynamodb';

export interface Replica {
  readonly region: string;
  readonly endpoint: string;
}

export interface Clients {
  readonly table: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
}

/** A region that hangs must not hold a request for ever: it is asked again. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1_000;

/** Credentials by the SDK's own chain: `AWS_ACCESS_KEY_ID` … */
export function clientsOf({ region, endpoint }: Replica, concurrency: number): Clients {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: 2 });
  return {
    table: createClient({ region, endpoint, concurrency }),
    streams: new DynamoDBStreamsClient({
      region,
      endpoint,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ httpAgent, connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true }),
    }),
  };
}
