/** `meridian explain`: every entry of a session, where it came from and what became of it. */
import { Command } from 'commander';
import type { EntryJson, ExplainJson, PositionJson } from '../api';
import { claimText, timeText } from '../claim';
import { segment } from '../client';
import { connected } from '../connection';
import { bold, count, table, type Column } from '../format';
import { parseTenant, withConnection, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('every entry of a session: counted, duplicate of which, voided by which')
    .argument('<tenant>', 'tenant', parseTenant)
    .argument('<session>', 'session');
  return withConnection(command).action(async (tenant: string, session: string, options: ConnectionOptions) => {
    const answer = await connected(options, (client) => client.get<ExplainJson>(`/v1/tenants/${segment(tenant)}/sessions/${segment(session)}/explain`));
    if (options.json) printJson(answer);
    else print(explainText(answer));
  });
}

function explainText(answer: ExplainJson): string {
  const { tenant, session, entries } = answer;
  const buckets = [...new Set(entries.flatMap(({ tokens = {} }) => Object.keys(tokens)))];
  const columns: Column[] = [
    { title: 'time' }, { title: 'region' }, { title: 'log' }, { title: 'offset', align: 'right' },
    ...buckets.map((title): Column => ({ title, align: 'right' })), { title: 'outcome' },
  ];
  const rows = entries.map((entry) => [
    timeText(entry.time), entry.region, entry.log, count(entry.offset), ...buckets.map((bucket) => count(entry.tokens?.[bucket] ?? '–')), outcomeText(entry),
  ]);
  return [bold(`${tenant} / ${session}`), '', table(columns, rows), '', `status  ${claimText(answer)}`].join('\n');
}

function outcomeText({ outcome, duplicateOf, conflictsWith, voidedBy, kind, reason }: EntryJson): string {
  const parts = [
    kind === 'void' ? `void (${reason ?? ''})` : outcome,
    duplicateOf && `of ${positionText(duplicateOf)}`,
    conflictsWith && `with ${positionText(conflictsWith)}`,
    voidedBy && `voided by ${voidedBy.map(positionText).join(', ')}`,
  ];
  return parts.filter(Boolean).join(' ');
}

function positionText({ log, offset }: PositionJson): string {
  return `${log} @ ${count(offset)}`;
}
