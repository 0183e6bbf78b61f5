/** What is asked of DynamoDB where DynamoDB Local cannot say: replicas, backups, protection. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createClient } from './client';
import { createTables, type CreateTablesOptions } from './tables';

/** A DynamoDB that does what it is told at once; `asked` is all that changed something. */
function fake(): { readonly clientOf: (region: string) => DynamoDBClient; readonly asked: object[] } {
  const asked: object[] = [];
  const tables = new Map<string, Record<string, unknown>>();
  const backedUp = new Set<string>();
  const answer = (region: string, command: string, input: Record<string, unknown>): object => {
    const name = `${region} ${String(input['TableName'])}`;
    const table = tables.get(name);
    if (!command.startsWith('Describe')) asked.push({ region, command, ...input });
    switch (command) {
      case 'CreateTableCommand':
        tables.set(name, { ...input, TableStatus: 'ACTIVE', Replicas: [] });
        return {};
      case 'DescribeTableCommand':
        if (!table) throw Object.assign(new Error('no'), { name: 'ResourceNotFoundException' });
        return { Table: table };
      case 'UpdateTableCommand':
        for (const { Create } of (input['ReplicaUpdates'] ?? []) as { readonly Create: { readonly RegionName: string } }[]) {
          tables.set(`${Create.RegionName} ${String(input['TableName'])}`, { TableStatus: 'ACTIVE' });
          (table?.['Replicas'] as object[]).push({ RegionName: Create.RegionName, ReplicaStatus: 'ACTIVE' });
        }
        if (input['DeletionProtectionEnabled'] === true) Object.assign(table ?? {}, { DeletionProtectionEnabled: true });
        return {};
      case 'DescribeContinuousBackupsCommand':
        return { ContinuousBackupsDescription: { PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: backedUp.has(name) ? 'ENABLED' : 'DISABLED' } } };
      default:
        backedUp.add(name);
        return {};
    }
  };
  const clientOf = (region: string): DynamoDBClient => {
    const client = createClient({ region, concurrency: 1, credentials: { accessKeyId: 'a', secretAccessKey: 'a' } });
    client.middlewareStack.add(
      (_, context) => async (args) => ({ response: {}, output: { $metadata: {}, ...answer(region, context.commandName ?? '', args.input as Record<string, unknown>) } }),
      { step: 'initialize', priority: 'high' },
    );
    return client;
  };
  return { clientOf, asked };
}

const settings = (clientOf: CreateTablesOptions['clientOf']): CreateTablesOptions => ({
  region: 'eu-west-1',
  clientOf,
  tables: [{ name: 'ledger', replicas: ['us-east-1', 'us-west-2'] }, { name: 'control', replicas: ['us-east-1', 'us-west-2'], consistency: 'strong' }],
  pointInTimeRecovery: true,
  deletionProtection: true,
});

describe('createTables', () => {
  it('creates on-demand tables, their replicas, and protects each replica', async () => {
    const { clientOf, asked } = fake();
    const reports = await createTables(settings(clientOf));
    expect(asked[0]).toMatchObject({ region: 'eu-west-1', command: 'CreateTableCommand', TableName: 'ledger', BillingMode: 'PAY_PER_REQUEST', DeletionProtectionEnabled: true });
    expect(reports[0]?.done).toEqual([
      'created', 'replicated to us-east-1', 'replicated to us-west-2', 'backed up in eu-west-1',
      'protected from deletion in us-east-1', 'backed up in us-east-1', 'protected from deletion in us-west-2', 'backed up in us-west-2',
    ]);
    expect(reports[1]?.done.slice(0, 2)).toEqual(['created', 'replicated to us-east-1, us-west-2']);
    expect(asked).toContainEqual(expect.objectContaining({ TableName: 'control', MultiRegionConsistency: 'STRONG' }));
  });

  it('changes nothing the second time', async () => {
    const { clientOf, asked } = fake();
    await createTables(settings(clientOf));
    const before = asked.length;
    expect((await createTables(settings(clientOf))).map(({ done }) => done)).toEqual([[], []]);
    expect(asked).toHaveLength(before);
  });
});
