/** What is said beside every number, for a person: final or not, at which cut, as of when, and why not. */
import type { ClaimJson, ReasonJson } from './api';
import { bad, count, good, instant } from './format';

export function claimText({ status, cut, asOf, reasons }: ClaimJson): string {
  const word = status === 'provisional' ? bad(status) : good(status);
  const where = `${word} at cut ${cut}${asOf === null ? '' : ` as of ${timeText(asOf)}`}`;
  return reasons.length === 0 ? where : `${where}: ${reasons.map(reasonText).join('; ')}`;
}

export function reasonText(reason: ReasonJson): string {
  const { code, log, region, behind, since, missing, oldest, conflicts } = reason as ReasonJson & Readonly<Record<string, string | number | null | undefined>>;
  switch (code) {
    case 'not_folded':
      return `${behind === null || behind === undefined ? 'an unknown number of' : count(behind)} records of log ${log} are not folded yet`;
    case 'region_unreachable':
      return typeof since === 'string' ? `region ${region} has not been heard of since ${timeText(since)}` : `region ${region} has never been heard of`;
    case 'replication_lag':
      return `${count(missing ?? 0)} rows of region ${region} have not arrived here${typeof oldest === 'string' ? ` since ${timeText(oldest)}` : ''}`;
    case 'conflict':
      return `${count(conflicts ?? 0)} entries have the identity of a counted one and other content`;
    case 'no_cut':
      return 'no cut has been reached here yet';
    default:
      return JSON.stringify(reason);
  }
}

export function timeText(time: string | null): string {
  return time === null ? '–' : instant(Date.parse(time));
}
