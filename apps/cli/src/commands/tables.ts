/** `meridian tables create`: the ledger and the control table in DynamoDB, on demand, backed up and protected. */
import { Command, Option } from 'commander';
import { createClient, createTables, type TableReport, type TableSpec } from '@meridian/ledger-dynamodb';
import type { DynamoAddress } from '@meridian/stores';
import { CliError } from '../errors';
import { jsonOption, parseRegions } from '../options';
import { print, printJson } from '../output';
import { regionOf, tableOption } from '../stores';

interface Options {
  readonly ledger?: DynamoAddress;
  readonly control?: DynamoAddress;
  readonly derived?: DynamoAddress;
  readonly replicas?: readonly string[];
  readonly stream?: boolean;
  readonly backups: boolean;
  readonly deletionProtection: boolean;
  readonly json?: boolean;
}

/** One call after the other. */
const CONCURRENCY = 1;

export function tablesCommand(): Command {
  const create = new Command('create')
    .description('create the tables that are named; those that are there get what they lack, and nothing is taken away')
    .addOption(tableOption('ledger', 'the ledger, in its first region'))
    .addOption(tableOption('control', 'the control table'))
    .addOption(tableOption('derived', "a region's derived rows; one table for each region"))
    .addOption(new Option('--replicas <regions>', 'AWS regions of further replicas of the ledger, separated by commas').argParser(parseRegions))
    .option('--stream', 'with a stream of changes: for the replicator of the local stack; a global table has one anyway')
    .option('--no-backups', 'without point-in-time recovery')
    .option('--no-deletion-protection', 'without protection from deletion')
    .addOption(jsonOption())
    .action(runCreate);
  return new Command('tables').description('tables of DynamoDB').addCommand(create);
}

async function runCreate({ ledger, control, derived, replicas = [], stream = false, json, ...options }: Options): Promise<void> {
  if (!ledger && !control && !derived) throw new CliError('usage', 'no table is named', { fix: 'Give --ledger, --control, --derived, or several of them.' });
  const reports: TableReport[] = [];
  if (ledger) reports.push(...(await createIn(ledger, { name: ledger.table, replicas }, { ...options, stream })));
  for (const one of [control, derived]) if (one) reports.push(...(await createIn(one, { name: one.table }, { ...options, stream: false })));
  if (json) printJson(reports);
  else for (const { table, done } of reports) print(`table ${table}: ${done.length > 0 ? done.join(', ') : 'all is there'}`);
}

function createIn(
  address: DynamoAddress, spec: TableSpec, { stream, backups, deletionProtection }: { readonly stream: boolean } & Pick<Options, 'backups' | 'deletionProtection'>,
): Promise<readonly TableReport[]> {
  const { endpoint } = address;
  return createTables({
    region: regionOf(address),
    clientOf: (region) => createClient({ region, concurrency: CONCURRENCY, ...(endpoint !== undefined && { endpoint }) }),
    tables: [spec],
    stream, pointInTimeRecovery: backups, deletionProtection,
  });
}
