/** `meridian total`: what a session adds up to, by bucket, region and model, and how final that is. */
import { Command } from 'commander';
import type { SessionJson, SumJson } from '../api';
import { claimText } from '../claim';
import { segment } from '../client';
import { connected } from '../connection';
import { bold, count, facts, table, type Column } from '../format';
import { parseTenant, withConnection, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';

interface Options extends ConnectionOptions {
  readonly live?: boolean;
}

export function totalCommand(): Command {
  const command = new Command('total')
    .description('total of a session')
    .argument('<tenant>', 'tenant', parseTenant)
    .argument('<session>', 'session')
    .option('--live', 'add an estimate of what lies beyond the cut');
  return withConnection(command).action(async (tenant: string, session: string, options: Options) => {
    const answer = await connected(options, (client) =>
      client.get<SessionJson>(`/v1/tenants/${segment(tenant)}/sessions/${segment(session)}`, { live: options.live ? 'true' : undefined }),
    );
    if (options.json) printJson(answer);
    else print(totalText(answer));
  });
}

function totalText(answer: SessionJson): string {
  const { tenant, session, events, duplicates, conflicts, voided, live } = answer;
  const parts: (readonly [string, SumJson])[] = [
    ...answer.byRegion.map((part) => [part.region, part] as const),
    ...answer.byModel.map((part) => [`${part.provider}/${part.model}`, part] as const),
    ['total', answer],
    ...(live ? [['live estimate', live] as const] : []),
  ];
  const buckets = [...new Set(parts.flatMap(([, { tokens }]) => Object.keys(tokens)))];
  const columns: Column[] = [{ title: '' }, ...['events', ...buckets, 'tokens'].map((title): Column => ({ title, align: 'right' }))];
  const rows = parts.map(([name, sum]) => [name, count(sum.events), ...buckets.map((bucket) => count(sum.tokens[bucket] ?? '–')), count(sum.total)]);
  return [
    bold(`${tenant} / ${session}`), '',
    table(columns, rows), '',
    facts([
      ['counted', `${count(events)} events; not counted: ${count(duplicates)} duplicates, ${count(conflicts)} conflicts, ${count(voided)} voided`],
      ['status', claimText(answer)],
    ]),
  ].join('\n');
}
