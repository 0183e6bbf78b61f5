/**
 * Creates the tables, and gives those that are there what they lack: any number of times. Nothing is ever taken away or
 * dropped. Backups and protection are settings of each replica, so each replica is asked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand, DescribeContinuousBackupsCommand, DescribeTableCommand, UpdateContinuousBackupsCommand, UpdateTableCommand,
  type DynamoDBClient, type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { LedgerError } from '@meridian/ledger';
import { translate } from './errors';

export interface TableSpec {
  readonly name: string;
  /** Regions of further replicas. */
  readonly replicas?: readonly string[];
  /** `strong`: writes are seen in all of exactly three regions before they are answered: for the control table only. */
  readonly consistency?: 'eventual' | 'strong';
}

export interface CreateTablesOptions {
  /** Region in which the tables are created. */
  readonly region: string;
  /** One client per region. */
  readonly clientOf: (region: string) => DynamoDBClient;
  readonly tables: readonly TableSpec[];
  /** Restoring to any second of the last 35 days. DynamoDB Local has none. */
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
  /** A stream of changes, which a global table has anyway: the local stack's replicator reads it. */
  readonly stream?: boolean;
  /** How long one step may take, ms: a replica of a large table takes a while. */
  readonly timeoutMs?: number;
}

export interface TableReport {
  readonly table: string;
  /** What was done, in order; empty when all was there. */
  readonly done: readonly string[];
}

const TIMEOUT_MS = 15 * 60_000;
const LOOK_EVERY_MS = 500;
const KEYS = [
  { AttributeName: 'pk', KeyType: 'HASH' },
  { AttributeName: 'sk', KeyType: 'RANGE' },
] as const;

/** Rejects with `ledger_invalid` when a table of that name has other keys. */
export async function createTables(options: CreateTablesOptions): Promise<readonly TableReport[]> {
  const reports: TableReport[] = [];
  for (const spec of options.tables) {
    const done: string[] = [];
    const one = new Creation(spec, options, (what) => done.push(what));
    try {
      await one.create();
      await one.replicate();
      for (const region of [options.region, ...(spec.replicas ?? [])]) await one.protect(region);
    } catch (error) {
      throw translate(error, `table ${spec.name}${done.length > 0 ? ` (${done.join(', ')})` : ''}`);
    }
    reports.push({ table: spec.name, done });
  }
  return reports;
}

class Creation {
  private readonly home: DynamoDBClient;

  constructor(
    private readonly spec: TableSpec,
    private readonly options: CreateTablesOptions,
    private readonly did: (what: string) => void,
  ) {
    this.home = options.clientOf(options.region);
  }

  async create(): Promise<void> {
    const { stream = false, deletionProtection } = this.options;
    const there = await this.describe(this.home);
    if (there) {
      if (JSON.stringify(keysOf(there)) !== JSON.stringify(KEYS)) throw new LedgerError('ledger_invalid', `table ${this.spec.name} is there and has other keys than pk and sk`);
      return;
    }
    await this.home.send(
      new CreateTableCommand({
        TableName: this.spec.name,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [...KEYS],
        AttributeDefinitions: KEYS.map(({ AttributeName }) => ({ AttributeName, AttributeType: 'S' })),
        DeletionProtectionEnabled: deletionProtection,
        ...(stream && { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } }),
      }),
    );
    await this.untilActive(this.home);
    this.did('created');
  }

  async replicate(): Promise<void> {
    const { replicas = [], consistency = 'eventual' } = this.spec;
    const table = await this.describe(this.home);
    const there = new Set(table?.Replicas?.map(({ RegionName }) => RegionName));
    const missing = replicas.filter((region) => !there.has(region));
    // Strong consistency is chosen with all replicas in one request; else DynamoDB takes one at a time.
    const steps = consistency === 'strong' && missing.length > 0 ? [missing] : missing.map((region) => [region]);
    for (const regions of steps) {
      await this.home.send(
        new UpdateTableCommand({
          TableName: this.spec.name,
          ReplicaUpdates: regions.map((RegionName) => ({ Create: { RegionName } })),
          ...(consistency === 'strong' && { MultiRegionConsistency: 'STRONG' }),
        }),
      );
      await this.untilActive(this.home);
      this.did(`replicated to ${regions.join(', ')}`);
    }
  }

  async protect(region: string): Promise<void> {
    const client = this.options.clientOf(region);
    const TableName = this.spec.name;
    const table = await this.describe(client);
    if (this.options.deletionProtection && table?.DeletionProtectionEnabled !== true) {
      await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: true }));
      await this.untilActive(client);
      this.did(`protected from deletion in ${region}`);
    }
    if (!this.options.pointInTimeRecovery) return;
    const { ContinuousBackupsDescription } = await client.send(new DescribeContinuousBackupsCommand({ TableName }));
    if (ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED') return;
    await client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }));
    this.did(`backed up in ${region}`);
  }

  private async describe(client: DynamoDBClient): Promise<TableDescription | undefined> {
    try {
      return (await client.send(new DescribeTableCommand({ TableName: this.spec.name }))).Table;
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }

  private async untilActive(client: DynamoDBClient): Promise<void> {
    const { timeoutMs = TIMEOUT_MS } = this.options;
    const until = performance.now() + timeoutMs;
    while (performance.now() < until) {
      const table = await this.describe(client);
      if (table?.TableStatus === 'ACTIVE' && (table.Replicas ?? []).every(({ ReplicaStatus }) => ReplicaStatus === 'ACTIVE')) return;
      await sleep(LOOK_EVERY_MS);
    }
    throw new LedgerError('ledger_unavailable', `table ${this.spec.name} did not become active within ${timeoutMs} ms`);
  }
}

function keysOf({ KeySchema = [] }: TableDescription): readonly unknown[] {
  return KeySchema.map(({ AttributeName, KeyType }) => ({ AttributeName, KeyType }));
}
