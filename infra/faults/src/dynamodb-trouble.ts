/**
 * What DynamoDB itself does on a bad day, as middleware of the AWS SDK: it stands below whatever tries again (the SDK's
 * own retries, and libs/ledger-dynamodb), so that both see what the service would have said. Neighbour: `dynamodb-preload.ts` puts it into services.
 */
import {
  ProvisionedThroughputExceededException,
  type AttributeValue, type BatchGetItemCommandInput, type BatchGetItemCommandOutput, type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';

/** What happens to a share of the requests. */
export type Trouble = 'throttle' | 'unprocessed-keys' | 'timeout-after-success';

export interface Order {
  readonly trouble: Trouble;
  /** Of the DynamoDB that is in trouble: the region that clients are configured for. */
  readonly region: string;
  /** 0 to 1, of the requests. */
  readonly share: number;
}

export interface TroubleParts {
  /** What is ordered at the moment; undefined: nothing. */
  readonly order: () => Order | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told of every request that did not just go through. */
  readonly onTouched: () => void;
}

type Items = readonly Readonly<Record<string, AttributeValue>>[];

/** What a client waits before it gives up: its slot is taken for so long. */
const TIMEOUT_MS = 1_000;

export function addTrouble(client: DynamoDBClient, { order, random, onTouched }: TroubleParts): void {
  client.middlewareStack.add(
    (next, { commandName }) => async (args) => {
      const now = order();
      const isTroubled = now !== undefined && now.region === (await client.config.region()) && random() < now.share;
      if (!isTroubled || (now.trouble === 'unprocessed-keys' && commandName !== 'BatchGetItemCommand')) return next(args);
      onTouched();
      if (now.trouble === 'throttle') throw throttled();
      const done = await next(args);
      if (now.trouble === 'unprocessed-keys') return { ...done, output: withUnprocessed(args.input as BatchGetItemCommandInput, done.output as BatchGetItemCommandOutput) };
      await new Promise((passed) => setTimeout(passed, TIMEOUT_MS));
      throw Object.assign(new TypeError('the request was carried out and not answered'), { name: 'TimeoutError' });
    },
    // Inside the retries, which are of the same step and of high priority; around signing and sending.
    { step: 'finalizeRequest', priority: 'low', name: 'meridianFaults', override: true },
  );
}

/** As the SDK makes it of an answer 400. */
function throttled(): Error {
  const error = new ProvisionedThroughputExceededException({
    message: 'The level of configured provisioned throughput for the table was exceeded.', $metadata: { httpStatusCode: 400 },
  });
  return Object.assign(error, { $retryable: { throttling: true } });
}

/** The answer without the items of every other key, and those keys as not processed. */
export function withUnprocessed({ RequestItems = {} }: BatchGetItemCommandInput, got: BatchGetItemCommandOutput): BatchGetItemCommandOutput {
  const unprocessed = { ...got.UnprocessedKeys };
  const responses: Record<string, Items> = { ...got.Responses };
  for (const [table, wanted] of Object.entries(RequestItems)) {
    const left = (wanted.Keys ?? []).filter((_, at) => at % 2 === 1);
    if (left.length === 0) continue;
    unprocessed[table] = { ...wanted, Keys: left };
    responses[table] = (responses[table] ?? []).filter((item) => !left.some((key) => Object.entries(key).every(([name, value]) => item[name]?.S === value.S)));
  }
  return { ...got, Responses: responses as NonNullable<BatchGetItemCommandOutput['Responses']>, UnprocessedKeys: unprocessed };
}
