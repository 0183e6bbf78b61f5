/** A replay as one JSON object and as a page for a person. Pure. */
import { invariant } from '@meridian/accounting';
import { claimText, timeText } from '../claim';
import type { ReasonJson } from '../api';
import { bad, bold, count, facts, good, table, type Column } from '../format';
import type { TokenSums } from './conversation';
import type { Run } from './run';
import type { RegionView } from './view';

interface TokenSumsJson {
  readonly input: string;
  readonly cacheRead: string;
  readonly output: string;
}

export interface ReplayReport {
  /** Rows of the file. */
  readonly events: number;
  readonly sessions: number;
  /** Events posted: resends and retries included. */
  readonly sent: number;
  /** Events acknowledged: resends included. */
  readonly accepted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly tokens: TokenSumsJson;
  /** From the file, by code that shares nothing with the fold. */
  readonly expected: TokenSumsJson;
  readonly exact: boolean;
  readonly multiStreamSessions: number;
  readonly cut: number;
  readonly status: string;
  readonly reasons: readonly ReasonJson[];
  /** Deltas and manifests written per event accepted; null when other services did the writing. */
  readonly writesPerEvent: number | null;
  readonly seconds: number;
}

export function reportOf({ conversation, sender, before, settlement, differences, writesPerEvent, seconds }: Run): ReplayReport {
  const { views, coverage, behind } = settlement;
  const view = leastOf(views, differences);
  const sessions = [...view.sessions.values()];
  const reasons = settlement.isSettled ? view.claim.reasons : [...view.claim.reasons, ...behind.flatMap(({ coverage: { reasons: why } }) => why)];
  return {
    events: conversation.rows,
    sessions: view.sessions.size,
    sent: sender.sent,
    accepted: sum([...sender.accepted.values()]),
    duplicates: view.duplicates,
    conflicts: sum(sessions.map(({ conflicts }) => conflicts)),
    quarantined: quarantined(coverage) - quarantined(before),
    tokens: sumsJson(view.tokens),
    expected: sumsJson(conversation.tokens),
    exact: [...differences.values()].every((found) => found.length === 0),
    multiStreamSessions: sessions.filter(({ streams }) => streams > 1).length,
    cut: Math.min(...views.map(({ claim }) => claim.cut)),
    status: settlement.isSettled ? view.claim.status : 'provisional',
    reasons: distinct(reasons),
    writesPerEvent: writesPerEvent === null ? null : Number(writesPerEvent.toFixed(4)),
    seconds: Number(seconds.toFixed(3)),
  };
}

/** The region that says least, so that nothing is hidden behind a better one. */
function leastOf(views: readonly RegionView[], differences: Run['differences']): RegionView {
  const provisional = views.find(({ claim }) => claim.status === 'provisional');
  const different = views.find(({ region }) => differences.get(region)?.length !== 0);
  const view = provisional ?? different ?? views[0];
  invariant(view, 'a replay reads at least one region');
  return view;
}

/** For a person: what was sent, what each region saw, the verdict. */
export function pageOf(run: Run, report: ReplayReport, { tenant, file }: { readonly tenant: string; readonly file: string }): string {
  const { views, isSettled } = run.settlement;
  const claim = views[0]?.claim;
  const verdict = report.exact && isSettled ? good('exact') : bad(report.exact ? 'not final' : 'not exact');
  const resent = report.sent - report.events;
  return [
    bold(`${count(report.events)} events of ${file} in ${report.seconds.toFixed(1)} s, as tenant ${tenant}`), '',
    regionTable(run), '',
    table(
      [{ title: 'tokens' }, ...['input', 'cacheRead', 'output'].map((title): Column => ({ title, align: 'right' }))],
      [['counted', ...buckets(report.tokens)], ['in the file', ...buckets(report.expected)]],
    ), '',
    facts([
      ['verdict', `${verdict}, ${claim ? claimText({ ...claim, status: report.status, cut: report.cut, reasons: report.reasons }) : report.status}`],
      ['regions', `${count(views.length)} of ${count(views.length)} asked; ${report.exact ? 'all say the same, to the token, of every session' : 'see below'}`],
      ['sent', `${count(report.sent)} events, ${count(resent)} of them again`],
      ['found', `${count(report.duplicates)} duplicates, ${count(report.conflicts)} conflicts, ${count(report.quarantined)} quarantined`],
      ['sessions', `${count(report.sessions)}, of which ${count(report.multiStreamSessions)} were met in several logs`],
      ...(report.writesPerEvent === null ? [] : [['writes', `${report.writesPerEvent.toFixed(2)} rows per accepted event`] as const]),
    ]),
  ].join('\n');
}

function regionTable({ sender, crashes, settlement, before }: Run): string {
  const { coverage, views } = settlement;
  const regions = [...new Set([...sender.accepted.keys(), ...coverage.logs.map(({ region }) => region)])].sort();
  const numbers = ['accepted', 'folded', 'entries', 'counted', 'duplicates', 'crashes'];
  const rows = regions.map((region) => {
    const own = coverage.logs.filter((log) => log.region === region);
    const old = before.logs.filter((log) => log.region === region);
    const counted = views[0]?.byRegion.get(region);
    return [
      region,
      ...[
        sender.accepted.get(region) ?? 0,
        sum(own.map(({ folded }) => folded)) - sum(old.map(({ folded }) => folded)),
        sum(own.map(({ counts }) => counts.entries)) - sum(old.map(({ counts }) => counts.entries)),
        counted?.events ?? 0, counted?.duplicates ?? 0, crashes.get(region) ?? 0,
      ].map((value) => count(value)),
      timeText(oldest(own.map(({ since }) => since))),
    ];
  });
  return table([{ title: 'region' }, ...numbers.map((title): Column => ({ title, align: 'right' })), { title: 'complete as of' }], rows);
}

function oldest(times: readonly (string | null)[]): string | null {
  return times.reduce((least, time) => (time === null || least === null ? null : time < least ? time : least), times[0] ?? null);
}

function quarantined({ logs }: Run['before']): number {
  return sum(logs.map(({ counts }) => counts.quarantined));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function sumsJson({ input, cacheRead, output }: TokenSums): TokenSumsJson {
  return { input: input.toString(), cacheRead: cacheRead.toString(), output: output.toString() };
}

function buckets({ input, cacheRead, output }: TokenSumsJson): string[] {
  return [input, cacheRead, output].map((value) => count(value));
}

function distinct(reasons: readonly ReasonJson[]): ReasonJson[] {
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()];
}
