/**
 * A process of its own for `log.int.spec.ts`: appends without end until it is killed, and prints what was acknowledged
 * (`ack`, partition, offset, text) or refused (`refused`, code), one line each. The text of every record is unique.
 * Arguments: directory, partitions, concurrent writers, bytes per value.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLogError } from '@meridian/event-log';
import { LevelEventLog } from './log';

const [directory = '', partitions, writers, valueBytes] = process.argv.slice(2);
const RECORDS_MAX = 20;
const RETRY_MS = 5;
let appended = 0;

async function main(): Promise<void> {
  const clock = { now: () => Date.now(), sleep: (ms: number) => sleep(ms) };
  const log = await LevelEventLog.open({ directory, topic: 'events', partitions: Number(partitions), clock });
  process.stdout.write('open\n');
  await Promise.all(Array.from({ length: Number(writers) }, () => appendForever(log)));
}

async function appendForever(log: LevelEventLog): Promise<never> {
  for (;;) {
    const drafts = Array.from({ length: 1 + (appended % RECORDS_MAX) }, () => {
      const text = `${process.pid}-${appended++}-${randomBytes(Number(valueBytes)).toString('latin1')}`;
      return { partition: appended % Number(partitions), key: 'acme/s', value: Buffer.from(text, 'latin1') };
    });
    try {
      const positions = await log.append(drafts);
      process.stdout.write(positions.map(({ partition, offset }, at) => `ack ${partition} ${offset} ${name(drafts[at]?.value)}\n`).join(''));
    } catch (error) {
      if (!(error instanceof EventLogError)) throw error;
      process.stdout.write(`refused ${error.code}\n`);
      await sleep(RETRY_MS);
    }
  }
}

/** The unique part of a value. */
function name(value: Uint8Array = new Uint8Array(0)): string {
  return Buffer.from(value).toString('latin1').split('-', 2).join('-');
}

void main();
