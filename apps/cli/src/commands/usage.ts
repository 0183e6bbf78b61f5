/** `meridian usage`: a tenant's usage by hour or day, grouped as asked. */
import { Command, Option } from 'commander';
import type { UsageJson } from '../api';
import { claimText, timeText } from '../claim';
import { segment } from '../client';
import { connected } from '../connection';
import { count, table, type Column } from '../format';
import { parseInstant, parseTenant, withConnection, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';

interface Options extends ConnectionOptions {
  readonly from?: string;
  readonly to?: string;
  readonly by: 'hour' | 'day';
  readonly group?: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What is shown when no range is given. */
const HOURS_DEFAULT = 24;
const DAYS_DEFAULT = 30;

export function usageCommand(): Command {
  const command = new Command('usage')
    .description('usage of a tenant by hour or day')
    .argument('<tenant>', 'tenant', parseTenant)
    .addOption(new Option('--from <time>', `first moment, UTC (default: ${HOURS_DEFAULT} hours or ${DAYS_DEFAULT} days before --to)`).argParser(parseInstant))
    .addOption(new Option('--to <time>', 'first moment that is not included (default: the end of this hour or day)').argParser(parseInstant))
    .addOption(new Option('--by <unit>', 'hour or day').choices(['hour', 'day']).default('hour'))
    .addOption(new Option('--group <names>', 'any of region, provider, model, operation, tier, inferenceRegion, counted, separated by commas'));
  return withConnection(command).action(async (tenant: string, options: Options) => {
    const { by, group } = options;
    const answer = await connected(options, (client) =>
      client.get<UsageJson>(`/v1/tenants/${segment(tenant)}/usage`, { ...rangeOf(options, Date.now()), by, group }),
    );
    if (options.json) printJson(answer);
    else print(usageText(answer));
  });
}

/** Half-open, on whole hours or days. */
export function rangeOf({ from, to, by }: Pick<Options, 'from' | 'to' | 'by'>, now: number): { from: string; to: string } {
  const unitMs = by === 'hour' ? HOUR_MS : DAY_MS;
  const end = to === undefined ? (Math.floor(now / unitMs) + 1) * unitMs : Date.parse(to);
  const spanMs = by === 'hour' ? HOURS_DEFAULT * HOUR_MS : DAYS_DEFAULT * DAY_MS;
  return { from: from ?? new Date(end - spanMs).toISOString(), to: new Date(end).toISOString() };
}

function usageText(answer: UsageJson): string {
  const { lines, group } = answer;
  const buckets = [...new Set(lines.flatMap(({ tokens }) => Object.keys(tokens)))];
  const columns: Column[] = [
    { title: answer.by }, ...group.map((title): Column => ({ title })),
    ...['events', 'duplicates', ...buckets, 'tokens'].map((title): Column => ({ title, align: 'right' })),
  ];
  const rows = lines.map((line) => [
    timeText(line.start), ...group.map((name) => line[name] ?? ''),
    count(line.events), count(line.duplicates), ...buckets.map((bucket) => count(line.tokens[bucket] ?? '–')), count(line.total),
  ]);
  return [rows.length === 0 ? 'No usage in this range.' : table(columns, rows), '', `status  ${claimText(answer)}`].join('\n');
}
