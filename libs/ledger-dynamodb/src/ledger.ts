/**
 * The ledger on DynamoDB: one table (or this region's replica of one) by its name. Every write is one conditional
 * `PutItem`, so it is atomic per row and a repeated attempt cannot do harm. Neighbours: `attempts.ts` retries,
 * `errors.ts` translates, `condition.ts` queries, `tables.ts` creates.
 */
import {
  BatchGetItemCommand, GetItemCommand, PutItemCommand, QueryCommand,
  type BatchGetItemCommandOutput, type DynamoDBClient, type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Random } from '@meridian/accounting';
import {
  assertKey, assertKeys, assertQuery, assertRow, LedgerError,
  type Key, type Ledger, type Page, type Range, type ReadOptions, type Row, type StoredRow, type VersionedRow,
} from '@meridian/ledger';
import { Attempts, Unfinished, type Attempt } from './attempts';
import { createClient, type ClientOptions } from './client';
import { conditionOf } from './condition';
import { isConditionFailed } from './errors';
import { isInserted, itemRow, keyItem, rowItem, VERSION, type Item } from './item';
import { refused, written, type Write } from './write-units';

export interface DynamoLedgerOptions extends Omit<ClientOptions, 'concurrency'> {
  readonly table: string;
  /** Decides how long to wait before another attempt. */
  readonly random: Random;
  /** Calls in flight, and connections, at most. */
  readonly concurrency?: number;
  /** No attempt starts later than this after the call, ms. */
  readonly deadlineMs?: number;
  /** How long one attempt waits for its answer, ms. */
  readonly attemptTimeoutMs?: number;
  /** Told of every write that was answered: for metrics. */
  readonly onWrite?: (write: Write) => void;
  /** Given the SDK's client before its first use: for middleware. */
  readonly configure?: (client: DynamoDBClient) => void;
}

/** A fold of one region seldom has more sessions to flush at a time. */
const CONCURRENCY = 64;
/** Well below the age at which a flush is late, above a throttled partition's split. */
const DEADLINE_MS = 10_000;
/** Hundreds of times the usual answer; a page of 1 MiB over a slow link fits. */
const ATTEMPT_TIMEOUT_MS = 3_000;

const IF_ABSENT = 'attribute_not_exists(pk)';

export class DynamoLedger implements Ledger {
  private readonly client: DynamoDBClient;
  private readonly attempts: Attempts;
  private readonly running = new Set<Promise<unknown>>();
  private closed: Promise<void> | undefined;

  /** Connects with the first call. The table is there: see `createTables`. */
  constructor(private readonly options: DynamoLedgerOptions) {
    const { concurrency = CONCURRENCY, deadlineMs = DEADLINE_MS, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS, random } = options;
    this.client = createClient({ ...options, concurrency });
    options.configure?.(this.client);
    this.attempts = new Attempts({ concurrency, deadlineMs, attemptTimeoutMs, random });
  }

  /**
   * After an attempt that was not answered, a row that is there may be what that attempt wrote: when it holds the same
   * bytes, the call is answered `inserted`. Who wrote equal bytes under one name makes no difference to anyone.
   */
  async insert(row: Row): Promise<'inserted' | 'exists'> {
    return this.call(() => assertRow(row), async () => {
      const stored = await this.put(row, { Item: rowItem(row, 0), ConditionExpression: IF_ABSENT });
      return stored === undefined || stored.isOurs ? 'inserted' : 'exists';
    });
  }

  /** Of one version, the last of several is there in the end: the port leaves open which. */
  async replace(row: VersionedRow): Promise<'replaced' | 'stale'> {
    return this.call(() => assertRow(row), async () => {
      const item = rowItem(row, row.version);
      const refusal = await this.put(row, {
        Item: item,
        ConditionExpression: `${IF_ABSENT} OR ${VERSION} <= :version`,
        ExpressionAttributeValues: { ':version': { N: String(row.version) } },
      });
      return refusal === undefined ? 'replaced' : 'stale';
    });
  }

  async get(key: Key, { consistent }: ReadOptions): Promise<StoredRow | undefined> {
    return this.call(() => assertKey(key), () =>
      this.attempts.read('getting a row', async ({ abortSignal }) => {
        const command = new GetItemCommand({ TableName: this.options.table, Key: keyItem(key), ConsistentRead: consistent });
        const { Item } = await this.client.send(command, { abortSignal });
        return Item && itemRow(Item);
      }),
    );
  }

  async getMany(keys: readonly Key[], { consistent }: ReadOptions): Promise<readonly (StoredRow | undefined)[]> {
    return this.call(() => assertKeys(keys), async () => {
      const rows = new Map<string, StoredRow>();
      // DynamoDB refuses a key that is there twice.
      let missing = [...new Map(keys.map((key) => [nameOf(key), keyItem(key)])).values()];
      if (missing.length > 0) {
        await this.attempts.read('getting rows', async ({ abortSignal }) => {
          const { found, unprocessed } = await this.batch(missing, consistent, abortSignal);
          for (const row of found) rows.set(nameOf(row), row);
          const hasProgressed = unprocessed.length < missing.length;
          missing = unprocessed;
          return missing.length === 0 ? true : new Unfinished(hasProgressed);
        });
      }
      return keys.map((key) => rows.get(nameOf(key)));
    });
  }

  async query(pk: string, range: Range, { consistent }: ReadOptions): Promise<Page> {
    return this.call(() => assertQuery(pk, range), async () => {
      const condition = conditionOf(pk, range);
      if (!condition) return { rows: [] };
      return this.attempts.read('querying', async ({ abortSignal }) => {
        const command = new QueryCommand({ TableName: this.options.table, ConsistentRead: consistent, ...condition, Limit: range.limit });
        const { Items = [], LastEvaluatedKey } = await this.client.send(command, { abortSignal });
        const rows = Items.map(itemRow);
        const next = LastEvaluatedKey?.['sk']?.S;
        return next === undefined ? { rows } : { rows, next };
      });
    });
  }

  /** Calls that were made before are answered first. */
  close(): Promise<void> {
    this.closed ??= Promise.allSettled([...this.running]).then(() => this.client.destroy());
    return this.closed;
  }

  /** Undefined: written. Else it was not, by the condition; `isOurs`: because an earlier attempt of this call has been. */
  private put(row: Row, input: Omit<PutItemCommandInput, 'TableName'>): Promise<{ readonly isOurs: boolean } | undefined> {
    return this.attempts.write('writing a row', async ({ abortSignal, isAfterAmbiguous }: Attempt) => {
      const command = new PutItemCommand({
        TableName: this.options.table,
        ReturnConsumedCapacity: 'TOTAL',
        // A delta is large: it is sent back only when there is something to find out.
        ReturnValuesOnConditionCheckFailure: isAfterAmbiguous ? 'ALL_OLD' : 'NONE',
        ...input,
      });
      try {
        const { ConsumedCapacity } = await this.client.send(command, { abortSignal });
        this.options.onWrite?.(written(row, ConsumedCapacity));
        return undefined;
      } catch (error) {
        if (!isConditionFailed(error)) throw error;
        this.options.onWrite?.(refused(row));
        return { isOurs: isAfterAmbiguous && isInserted((error as { readonly Item?: Item }).Item, row) };
      }
    });
  }

  private async batch(keys: Item[], consistent: boolean, abortSignal: AbortSignal): Promise<{ readonly found: readonly StoredRow[]; readonly unprocessed: Item[] }> {
    const { table } = this.options;
    const command = new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: consistent } } });
    const { Responses, UnprocessedKeys }: BatchGetItemCommandOutput = await this.client.send(command, { abortSignal });
    return { found: (Responses?.[table] ?? []).map(itemRow), unprocessed: UnprocessedKeys?.[table]?.Keys ?? [] };
  }

  private async call<T>(check: () => void, act: () => Promise<T>): Promise<T> {
    if (this.closed) throw new LedgerError('ledger_closed', 'the ledger is closed');
    check();
    const answer = act();
    this.running.add(answer);
    try {
      return await answer;
    } finally {
      this.running.delete(answer);
    }
  }
}

/** A name no two keys share. */
function nameOf({ pk, sk }: Key): string {
  return `${pk.length}:${pk}${sk}`;
}
