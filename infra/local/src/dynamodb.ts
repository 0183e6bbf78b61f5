/**
 * One DynamoDB Local per region, on disk. Each has a database of its own per region name and access key; nothing
 * replicates between them. Healthy = it answers HTTP at all (without a signature: 400).
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { statusOf } from './http';
import { jarsOf } from './jars';
import type { Part } from './part';
import { HOST } from './ports';
import { findJava } from './tools';

/** What all who use the stack have, and nothing else: DynamoDB Local keeps a database for each key id. It takes any secret. */
export const LOCAL_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_SESSION_TOKEN: undefined, AWS_PROFILE: undefined } as const;

const HEAP = '-Xmx192m';

export const dynamodb: Part = {
  kind: 'dynamodb',
  isPerRegion: true,
  instances: 1,
  ports: ['http'],
  drainMs: 10_000,
  endpoint: ({ http, advertised = http }) => `http://${HOST}:${advertised}`,

  async prepare({ directory, region, ports: { http }, mark }) {
    const jars = await jarsOf('dynamodb', () => undefined);
    const data = join(directory, 'data');
    await mkdir(data, { recursive: true });
    writeAhead(join(data, `${LOCAL_CREDENTIALS.AWS_ACCESS_KEY_ID}_${region}.db`));
    // SQLite's native library lies among the jars.
    const args = [
      HEAP, '-XX:+UseSerialGC', `-Djava.library.path=${jars}`, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*'),
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner', '-port', String(http), '-dbPath', data, '-disableTelemetry',
    ];
    return { command: await findJava(), args: [`-D${mark}`, ...args], env: {} };
  },

  isHealthy: async ({ http }) => (await statusOf({ port: http, path: '/' })) !== undefined,
};

/**
 * DynamoDB Local's database is SQLite, which by default waits for the disk several times per write; with a write-ahead
 * log once, so it takes three times as many. The mode is kept in the file.
 */
function writeAhead(file: string): void {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
}
