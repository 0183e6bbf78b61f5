/**
 * `meridian send`: events, one a line, through a spool on disk to whichever region takes them. What was read is sent
 * even when the command is stopped: by the next one on the same spool.
 */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { Publisher, PublisherError, type PublisherEvent } from '@meridian/publisher';
import { systemClock, systemRandom } from '@meridian/system';
import { DataDirectory } from '../data-directory';
import { CliError } from '../errors';
import { dataOption, jsonOption, parseTenant, parseUrl } from '../options';
import { note, print, printJson } from '../output';
import { stopSignal } from '../until-stopped';

interface SendOptions {
  readonly to?: readonly string[];
  readonly key?: string;
  readonly tenant?: string;
  readonly spool: string;
  readonly data: string;
  readonly json?: boolean;
}

const SPOOL_DEFAULT = 'data/spool';
/** Events that wait for the disk together. */
const PUBLISHING_MAX = 1_000;
/** Between two attempts to publish while the spool is full. */
const FULL_WAIT_MS = 200;

export function sendCommand(): Command {
  return new Command('send')
    .description('publish events: they are on disk before they are sent, and sent until a region has accepted them')
    .argument('[file]', 'CloudEvents as JSON, one a line (default: standard input)')
    .addOption(new Option('--to <urls>', 'ingests, nearest first: url,url (default: those that run on the data directory)').argParser((text) => text.split(',').map(parseUrl)))
    .addOption(new Option('--key <key>', 'API key (default: of the data directory)').env('MERIDIAN_KEY'))
    .addOption(new Option('--tenant <tenant>', 'with a platform key: tenant of the events').argParser(parseTenant))
    .addOption(new Option('--spool <dir>', 'directory of events that no region has acknowledged yet').default(SPOOL_DEFAULT))
    .addOption(dataOption('data directory that says urls and key'))
    .addOption(jsonOption())
    .action(async (file: string | undefined, options: SendOptions) => {
      const stopped = stopSignal();
      const sending = await Sending.open(options);
      try {
        const ended = await Promise.race([sending.all(file), stopped]);
        if (ended !== undefined) throw new CliError('service_stopped', 'sending was stopped', { fix: `What was read waits in ${options.spool}: send again to go on.` });
      } finally {
        await sending.close();
      }
      const { events, rejected } = sending;
      if (options.json) printJson({ events, accepted: events - rejected, rejected });
      else print(`${events} events, ${events - rejected} accepted, ${rejected} rejected`);
      if (rejected > 0) throw new CliError('event_rejected', `${rejected} of ${events} events were not accepted`, { fix: `They are named above, those that were sent also in ${options.spool}/rejected.ndjson.` });
    });
}

class Sending {
  events = 0;
  rejected = 0;
  private lastTrouble = '';

  private constructor(private readonly publisher: Publisher) {}

  static async open({ spool, data, ...given }: SendOptions): Promise<Sending> {
    const directory = new DataDirectory(resolve(data));
    const running = given.to ? undefined : await directory.running();
    const endpoints = given.to ?? Object.values(running?.regions ?? {}).map(({ ingest }) => ingest);
    const keys = await directory.keys();
    const key = given.key ?? (given.tenant === undefined ? keys?.demo : keys?.platform);
    if (endpoints.length === 0) throw new CliError('not_running', `there is no Meridian in ${directory.shown}`, { fix: 'Start one with `npx meridian dev`, or name ingests with --to.' });
    if (key === undefined) throw new CliError('usage', '--to needs a key', { fix: 'Give it with --key or MERIDIAN_KEY.' });
    const publisher = await Publisher.open({
      endpoints, key, ...(given.tenant !== undefined && { tenant: given.tenant }), spool: resolve(spool), clock: systemClock, random: systemRandom,
      onRejected: ({ id }, { message }) => sending.reject(`event ${id}: ${message}`),
      onTrouble: (error) => sending.trouble(error),
    });
    const sending = new Sending(publisher);
    return sending;
  }

  /** Resolves when every event of the file, and what the spool had, is accepted or rejected. */
  async all(file: string | undefined): Promise<void> {
    const input = file === undefined ? process.stdin : createReadStream(file);
    // An iterator would miss an error that comes before it is asked.
    const failed = new Promise<never>((_, fail) => input.once('error', (cause: Error) => fail(new CliError('file_invalid', `cannot read ${file ?? 'standard input'}: ${cause.message}`, { cause }))));
    await Promise.race([this.lines(createInterface(input)), failed]);
    await this.publisher.drained();
  }

  close(): Promise<void> {
    return this.publisher.close();
  }

  private async lines(lines: AsyncIterable<string>): Promise<void> {
    const publishing = new Set<Promise<void>>();
    let number = 0;
    for await (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      this.events++;
      const published = this.publish(line, number);
      publishing.add(published);
      void published.finally(() => publishing.delete(published)).catch(() => undefined);
      if (publishing.size >= PUBLISHING_MAX) await Promise.race(publishing);
    }
    await Promise.all(publishing);
  }

  private async publish(line: string, number: number): Promise<void> {
    for (;;) {
      try {
        await this.publisher.publish(JSON.parse(line) as PublisherEvent);
        return;
      } catch (error) {
        if (error instanceof SyntaxError || (error instanceof PublisherError && error.code === 'event_invalid')) {
          this.reject(`line ${number}: ${error.message}`);
          return;
        }
        if (!(error instanceof PublisherError) || error.code !== 'spool_full') throw error;
        this.trouble(error);
        await systemClock.sleep(FULL_WAIT_MS);
      }
    }
  }

  private reject(why: string): void {
    this.rejected++;
    note(`meridian: ${why}`);
  }

  /** What keeps being so is said once. */
  private trouble({ message }: PublisherError): void {
    if (message !== this.lastTrouble) note(`meridian: ${message}`);
    this.lastTrouble = message;
  }
}
