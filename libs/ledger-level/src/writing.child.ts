/**
 * A process of its own for `ledger.int.spec.ts`: writes to two replicas under replication, without end until it is
 * killed. Prints `inserted` or `replaced`, origin, sort key and version when a write is answered, and `refused`, code,
 * origin, sort key and version when it is not, one line each.
 * Arguments: directory, writers per replica, bytes per value.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LedgerError } from '@meridian/ledger';
import { LevelLedger } from './ledger';
import { Replicator } from './replicator';

const [directory = '', writers, valueBytes] = process.argv.slice(2);
const clock = { now: () => Date.now(), sleep: (ms: number) => sleep(ms) };
const DELAY_MS = 5;
const RETRY_MS = 5;
/** One write in so many replaces a row that all writers of a replica share. */
const REPLACE_EVERY = 4;
let writes = 0;

async function main(): Promise<void> {
  const replicas = await Promise.all(['ap', 'eu'].map((origin) => LevelLedger.open({ directory: join(directory, origin), clock, origin })));
  const onFailed = (error: Error): never => {
    throw error;
  };
  await Replicator.start({ replicas, clock, delayMs: DELAY_MS, onFailed });
  await Promise.all(replicas.flatMap((ledger) => Array.from({ length: Number(writers) }, () => writeForever(ledger))));
}

async function writeForever(ledger: LevelLedger): Promise<never> {
  const origin = String(ledger.identity.origin);
  for (;;) {
    const version = Date.now() * 1_000 + (writes++ % 1_000);
    const isReplacing = writes % REPLACE_EVERY === 0;
    const sk = isReplacing ? `shared-${origin}` : `${process.pid}-${writes}`;
    try {
      const row = { pk: 'p', sk, value: randomBytes(Number(valueBytes)) };
      const answer = isReplacing ? await ledger.replace({ ...row, version }) : await ledger.insert(row);
      if (answer !== 'stale') process.stdout.write(`${answer} ${origin} ${sk} ${version}\n`);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      process.stdout.write(`refused ${error.code} ${origin} ${sk} ${version}\n`);
      await sleep(RETRY_MS);
    }
  }
}

void main();
