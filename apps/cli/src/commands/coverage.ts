/** `meridian coverage`: where every log stands, as one region sees it. */
import { Command } from 'commander';
import type { CoverageJson } from '../api';
import { claimText, timeText } from '../claim';
import { connected } from '../connection';
import { count, table, type Column } from '../format';
import { withConnection, type ConnectionOptions } from '../options';
import { print, printJson } from '../output';

export function coverageCommand(): Command {
  const command = new Command('coverage').description('where every log stands: accepted, folded, reached, in the cut');
  return withConnection(command).action(async (options: ConnectionOptions) => {
    const answer = await connected(options, (client) => client.get<CoverageJson>('/v1/coverage'));
    if (options.json) printJson(answer);
    else print(coverageText(answer));
  });
}

export function coverageText(answer: CoverageJson): string {
  const numbers = ['end', 'folded', 'reached', 'in cut', 'behind', 'entries', 'duplicates', 'quarantined'];
  const columns: Column[] = [{ title: 'log' }, ...numbers.map((title): Column => ({ title, align: 'right' })), { title: 'complete as of' }];
  const rows = answer.logs.map(({ log, end, folded, reached, cut, behind, counts, since }) => [
    log, count(end ?? '–'), count(folded), count(reached), count(cut), count(behind),
    count(counts.entries), count(counts.duplicates), count(counts.quarantined), timeText(since),
  ]);
  return [table(columns, rows), '', `status  ${claimText(answer)}`].join('\n');
}
