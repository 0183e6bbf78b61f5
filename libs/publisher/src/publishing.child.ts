/**
 * A process of its own for `publisher.int.spec.ts`: publishes without end until it is killed, and prints the id of
 * every event for which `publish` resolved (`ok`) or that was refused (`no`, code), one line each. Arguments: spool, endpoint,
 * how many at a time, bytes of text per event.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PublisherError } from './errors';
import { eventOf } from './ingest.fixture';
import { Publisher } from './publisher';

const [spool = '', endpoint = '', concurrent, textBytes] = process.argv.slice(2);
const RETRY_MS = 5;
let made = 0;

async function main(): Promise<void> {
  const publisher = await Publisher.open({ endpoints: [endpoint], key: 'mk_test', spool, timeoutMs: 500 });
  process.stdout.write('open\n');
  await Promise.all(Array.from({ length: Number(concurrent) }, () => publishForever(publisher)));
}

async function publishForever(publisher: Publisher): Promise<never> {
  for (;;) {
    const id = `${process.pid}-${made++}`;
    try {
      await publisher.publish(eventOf(id, { text: 'x'.repeat(Number(textBytes)) }));
      process.stdout.write(`ok ${id}\n`);
      if (made % 50 === 0) await sleep(1);
    } catch (error) {
      if (!(error instanceof PublisherError)) throw error;
      process.stdout.write(`no ${id} ${error.code}\n`);
      await sleep(RETRY_MS);
    }
  }
}

void main();
