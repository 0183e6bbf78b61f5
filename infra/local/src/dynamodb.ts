/**
 * One DynamoDB Local per region, on disk. Each has a database of its own per region name and access key; nothing
 * replicates between them. Healthy = it answers HTTP at all (without a signature: 400).
 */
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Part } from './part';
import { HOST } from './ports';

/** Access key id that all who use the stack have: DynamoDB Local keeps a database for each. It takes any secret. */
export const LOCAL_KEY = 'local';

const HEAP = '-Xmx192m';
const ASK_TIMEOUT_MS = 2_000;

export const dynamodb: Part = {
  name: 'dynamodb',
  ports: ['http'],
  endpoint: ({ http }) => `http://${HOST}:${http}`,

  async prepare({ jars, directory, region, ports: { http } }) {
    const data = join(directory, 'data');
    await mkdir(data, { recursive: true });
    writeAhead(join(data, `${LOCAL_KEY}_${region}.db`));
    // SQLite's native library lies among the jars.
    return [
      HEAP, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.library.path=${jars}`, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*'),
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner', '-port', String(http), '-dbPath', data, '-disableTelemetry',
    ];
  },

  isHealthy: ({ http }) => answers(http),
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

function answers(port: number | undefined): Promise<boolean> {
  return new Promise((done) => {
    const asked = request({ host: HOST, port, timeout: ASK_TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      done(true);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => done(false));
    asked.end();
  });
}
