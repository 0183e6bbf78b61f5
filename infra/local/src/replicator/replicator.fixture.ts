/** For the replicator's stack specs: DynamoDB Local of three regions, a table in each, and a replicator as a process that can be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, ScanCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createClient, createTables, DynamoLedger } from '@meridian/ledger-dynamodb';
import { Stack } from '../stack';
import { STAMP } from './stamp';

export const REGIONS = ['aa', 'bb', 'cc'] as const;
export type RegionName = (typeof REGIONS)[number];

const MAIN = resolve(__dirname, '../../dist/replicator-main.js');
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const LOOK_EVERY_MS = 50;
const SHARD_MS = 5 * 3_600_000;

export class Regions {
  private constructor(readonly stack: Stack, readonly urls: Readonly<Record<string, string>>) {}

  static async start(): Promise<Regions> {
    const stack = new Stack(await mkdtemp(join(tmpdir(), 'replicator-')));
    const { dynamodb } = await stack.up({ regions: REGIONS, parts: ['dynamodb'] });
    return new Regions(stack, dynamodb);
  }

  close(): Promise<void> {
    return this.stack.reset();
  }

  /** A shard of DynamoDB Local ends when it is four hours old: now. */
  async endShards(region: RegionName): Promise<void> {
    await this.stack.kill(`dynamodb/${region}`);
    const database = new DatabaseSync(join(this.stack.directory, region, 'dynamodb', 'data', `local_${region}.db`));
    database.exec(`UPDATE ss SET CreationDateTime = CreationDateTime - ${SHARD_MS} WHERE DeletionDateTime IS NULL`);
    const shards = (): number => Number(database.prepare('SELECT count(*) AS n FROM ss WHERE DeletionDateTime IS NULL AND ParentShardID IS NOT NULL').get()?.['n']);
    await this.stack.start(`dynamodb/${region}`);
    while (shards() === 0) await sleep(LOOK_EVERY_MS);
    database.close();
  }
}

/** A table of three replicas. */
export class World {
  readonly table = `t-${randomUUID()}`;
  readonly ledgers: Readonly<Record<RegionName, DynamoLedger>>;
  private readonly clients: Readonly<Record<RegionName, DynamoDBClient>>;
  private child: ChildProcess | undefined;
  private url = '';
  private directory = '';

  constructor(private readonly regions: Regions) {
    const of = (region: RegionName) => ({ region, endpoint: regions.urls[region] ?? '', credentials: CREDENTIALS });
    const each = <T>(make: (region: RegionName) => T): Record<RegionName, T> => ({ aa: make('aa'), bb: make('bb'), cc: make('cc') });
    this.clients = each((region) => createClient({ ...of(region), concurrency: 8 }));
    this.ledgers = each((region) => new DynamoLedger({ ...of(region), table: this.table, random: { next: () => Math.random() } }));
  }

  async create(): Promise<void> {
    this.directory = await mkdtemp(join(tmpdir(), 'replicator-'));
    for (const region of REGIONS) {
      await createTables({ region, clientOf: (name) => this.clients[name as RegionName], tables: [{ name: this.table }], pointInTimeRecovery: false, deletionProtection: false, stream: true });
    }
  }

  async close(): Promise<void> {
    await this.kill();
    for (const region of REGIONS) {
      await this.ledgers[region].close();
      this.clients[region].destroy();
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  async startReplicator(): Promise<void> {
    const port = await freePort();
    const replicas = REGIONS.map((region) => `${region}=${this.regions.urls[region]}`).join(',');
    const args = [MAIN, '--tables', this.table, '--replicas', replicas, '--listen', `127.0.0.1:${port}`, '--directory', this.directory];
    const env = { ...process.env, AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey };
    this.child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    this.url = `http://127.0.0.1:${port}`;
    await this.until(async () => (await fetch(`${this.url}/health`).catch(() => undefined))?.ok === true);
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await new Promise((gone) => child.once('exit', gone));
  }

  async faults(faults: object): Promise<{ readonly status: number; readonly error?: string }> {
    const response = await fetch(`${this.url}/faults`, { method: 'PUT', body: JSON.stringify(faults) });
    return { status: response.status, ...((await response.json()) as { readonly error?: string }) };
  }

  async waiting(source: string, target: string): Promise<number> {
    const { tables } = (await (await fetch(`${this.url}/status`)).json()) as { readonly tables: Record<string, { readonly source: string; readonly target: string; readonly waiting: number }[]> };
    return tables[this.table]?.find((pair) => pair.source === source && pair.target === target)?.waiting ?? 0;
  }

  write(region: RegionName, pk: string, text: string): Promise<unknown> {
    return this.ledgers[region].replace({ pk, sk: '-', value: Buffer.from(text), version: 1 });
  }

  async read(region: RegionName, pk: string): Promise<string | undefined> {
    const row = await this.ledgers[region].get({ pk, sk: '-' }, { consistent: true });
    return row && Buffer.from(row.value).toString();
  }

  /** By hand: there is no such thing in the product. */
  async delete(region: RegionName, pk: string): Promise<void> {
    await this.clients[region].send(new DeleteItemCommand({ TableName: this.table, Key: { pk: { S: pk }, sk: { S: '-' } } }));
  }

  /** All items of a region with their stamps, sorted. */
  async items(region: RegionName): Promise<string[]> {
    const items: string[] = [];
    let after: Record<string, AttributeValue> | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.clients[region].send(new ScanCommand({ TableName: this.table, ConsistentRead: true, ...(after && { ExclusiveStartKey: after }) }));
      items.push(...Items.map(({ pk, b, [STAMP]: stamp }) => `${pk?.S} ${Buffer.from(b?.B ?? []).toString()} ${stamp?.S}`));
      after = LastEvaluatedKey;
    } while (after);
    return items.sort();
  }

  /** Until all regions have the same items, all of them stamped: these. */
  async converged(count: number): Promise<string[]> {
    let all: string[][] = [];
    await this.until(async () => {
      all = await Promise.all(REGIONS.map((region) => this.items(region)));
      const [first = []] = all;
      return first.length === count && all.every((items) => items.join('\n') === first.join('\n')) && !first.some((item) => item.endsWith(' undefined'));
    });
    return all[0] ?? [];
  }

  /** Bounded by the test's own time. */
  async until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await sleep(LOOK_EVERY_MS);
  }
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
