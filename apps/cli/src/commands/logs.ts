/** `meridian logs` and `meridian takeover`: who folds which log, and what an operator does when a region or a topic is lost. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { NAME_PATTERN } from '@meridian/accounting';
import type { HandedOverJson, RegistryJson } from '../api';
import { timeText } from '../claim';
import { connected } from '../connection';
import { count, table, type Column } from '../format';
import { parseInteger, withConnection, withService, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';

interface TakeoverOptions extends ConnectionOptions {
  readonly region: string;
  readonly writer: string;
}

interface RetireOptions extends ConnectionOptions {
  readonly region: string;
  readonly ask?: string;
  readonly lineage?: number;
  readonly reason: string;
}

const LINEAGE_MAX = 99_999;

export function takeoverCommand(): Command {
  const command = new Command('takeover')
    .description("hand a region's logs to another region's aggregators, from the newest cut on; back again the same way")
    .addOption(new Option('--region <region>', 'the region whose logs they are').argParser(parseRegion).makeOptionMandatory())
    .addOption(new Option('--writer <region>', 'the region that folds them from now on').argParser(parseRegion).makeOptionMandatory());
  return withService(command).action(async (options: TakeoverOptions) => {
    const { region, writer } = options;
    // The region that takes over is there; the other may not be.
    const answer = await connected({ ...options, region: writer }, (client) => client.post<HandedOverJson>('/v1/logs/takeover', { region, writer }));
    if (options.json) printJson(answer);
    else print(handedOverText(answer, `${writer} folds them from here on`, `${writer} folds the logs of ${region} already`));
  });
}

export function logsCommand(): Command {
  const list = withConnection(new Command('list').description('every log ever registered, who folds it, and whether it was given up'));
  list.action(async (options: ConnectionOptions) => {
    const answer = await connected(options, (client) => client.get<RegistryJson>('/v1/logs'));
    if (options.json) printJson(answer);
    else print(registryText(answer));
  });
  const retire = giving('retire', "give up a region's logs at the newest cut, for good: for a region that is lost with all it had")
    .addOption(new Option('--lineage <n>', 'of the logs, when the region has live ones of several').argParser(parseInteger(0, LINEAGE_MAX)))
    .action((options: RetireOptions) => giveUp('/v1/logs/retire', options, 'nothing of them counts from here on'));
  const newLineage = giving('new-lineage', 'begin anew with a topic that was re-created, truncated or has lost records to retention: its logs count as far as they were folded, others go on with what it holds')
    .action((options: RetireOptions) => giveUp('/v1/logs/new-lineage', options, `nothing of them counts from there on. Restart the services of ${options.region}: the first one registers others in their place, from where the topic begins by then`));
  return new Command('logs').description('logs: one for each partition of each incarnation of a topic').addCommand(list).addCommand(retire).addCommand(newLineage);
}

function giving(name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .addOption(new Option('--region <region>', 'the region whose logs they are').argParser(parseRegion).makeOptionMandatory())
    .addOption(new Option('--reason <text>', 'why, for the record').makeOptionMandatory())
    .addOption(new Option('--ask <region>', 'region to ask (default: the region itself)'));
  return withService(command);
}

async function giveUp(path: string, options: RetireOptions, done: string): Promise<void> {
  const { region, ask = region, lineage, reason } = options;
  const answer = await connected({ ...options, region: ask }, (client) => client.post<HandedOverJson>(path, { region, lineage, reason }));
  if (options.json) printJson(answer);
  else print(handedOverText(answer, done, ''));
}

function handedOverText({ logs }: HandedOverJson, done: string, nothing: string): string {
  if (logs.length === 0) return nothing;
  return `${table([{ title: 'log' }, { title: 'from offset', align: 'right' }], logs.map(({ log, offset }) => [log, count(offset)]))}\n\n${done}`;
}

function registryText({ logs }: RegistryJson): string {
  const columns: Column[] = [{ title: 'log' }, { title: 'topic' }, { title: 'cluster' }, { title: 'folded by' }, { title: 'given up' }];
  return table(columns, logs.map(({ log, topic, cluster, writer, retired }) => [
    log, topic, cluster, retired ? '–' : writer, retired ? `at ${count(retired.offset)}, ${timeText(retired.at)}: ${retired.reason}` : '–',
  ]));
}

function parseRegion(text: string): string {
  if (!NAME_PATTERN.test(text)) throw new InvalidArgumentError('A region is 1 to 64 letters, digits, "_" or "-".');
  return text;
}
