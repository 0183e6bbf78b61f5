/** What an aggregator tells of the logs that it folds (docs/metrics.md): the evidence that a fault of aggregators took place. */

/** Told of each log by the process that folds it, and by no other. */
export const LAG = 'meridian_fold_lag_records';
export const FOLDED = 'meridian_fold_records_total';
const TIMEOUT_MS = 4_000;

/** Value of a metric by log; nothing of those that it does not tell of. Rejects when it does not answer. */
export async function byLog(url: string, metric: string): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).text();
  return parseByLog(page, metric);
}

export function parseByLog(page: string, metric: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, log, value] = line.startsWith(`${metric}{`) ? (/[{,]log="([^"]*)"[^}]*\} (\S+)/.exec(line) ?? []) : [];
    if (log !== undefined) values.set(log, Number(value));
  }
  return values;
}

/** Logs of which more was folded than before. */
export function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): readonly string[] {
  return [...after].filter(([log, value]) => value > (before.get(log) ?? 0)).map(([log]) => log);
}
