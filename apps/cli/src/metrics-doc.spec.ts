/** `docs/metrics.md` says of every name what the code says, names no other, and every metric is really exposed by the service that has it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HTTP_LOG_EVENTS } from '@meridian/http';
import { systemClock } from '@meridian/system';
import { ATTRIBUTES, COUNTERS, GAUGES, HISTOGRAMS, LOG_EVENTS, SPANS, type MetricName } from '@meridian/telemetry';
import { OneRegion, usage, type ServiceName } from './one-region.fixture';

const docs = join(__dirname, '../../../docs');
const page = readFileSync(join(docs, 'metrics.md'), 'utf8');

/** Cells of the rows under a heading, code marks taken off. */
function rows(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, cells = '']) => cells.split(/ ?\| /).map((cell) => cell.trim()));
  return lines.slice(1);
}

function words(cell: string): string[] {
  return [...cell.matchAll(/[\w{}]+/g)].map(([word]) => word);
}

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  /** Sorted. */
  readonly attributes: readonly string[];
}

const documented = rows('Metrics').map(([name = '', type = '', unit = '', attributes = '', from = '', means = '']) => ({
  name: words(name)[0] ?? '', type, unit: unit.replaceAll('`', ''), attributes: ['region', ...words(attributes)].sort(), from: words(from), means,
}));

function named(names: Readonly<Record<string, MetricName>>, type: string, suffix = ''): string[] {
  return Object.values(names).map(({ name, unit }) => `${name}${suffix} ${type} ${unit}`);
}

/** What a service exposes, by the lines of its `/metrics`. */
function exposed(text: string): Metric[] {
  const metrics = [...text.matchAll(/^# UNIT (\S+) (\S+)\n# TYPE \S+ (\S+)$/gm)].map(([, name = '', unit = '', type = '']) => ({ name, unit, type }));
  return metrics.map(({ name, unit, type }) => {
    const points = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} \\S+$`, 'gm'));
    const labels = [...points].flatMap(([, point = '']) => [...point.matchAll(/(\w+)="/g)].map(([, label = '']) => label));
    const attributes = [...new Set(labels)].filter((label) => label !== 'le' && label !== 'otel_scope_name').sort();
    return { name, type, unit, attributes };
  });
}

function byName(one: Metric, other: Metric): number {
  return one.name < other.name ? -1 : 1;
}

describe('docs/metrics.md', () => {
  it('lists every metric as Prometheus shows it, with type, unit and meaning', () => {
    const expected = [...named(COUNTERS, 'counter', '_total'), ...named(HISTOGRAMS, 'histogram'), ...named(GAUGES, 'gauge')];
    expect(documented.map(({ name, type, unit }) => `${name} ${type} ${unit}`).sort()).toEqual(expected.sort());
    expect(documented.filter(({ means }) => means === '')).toEqual([]);
  });

  it.each([
    ['Attributes', Object.values(ATTRIBUTES)],
    ['Traces', Object.values(SPANS)],
    ['Log lines', [...Object.values(LOG_EVENTS), ...Object.values(HTTP_LOG_EVENTS)]],
  ])('lists under "%s" exactly the names that the code has', (heading, names) => {
    const listed = rows(heading).map(([name = '']) => words(name)[0] ?? '');
    expect(listed.filter((name) => name !== '').sort()).toEqual([...names].sort());
  });

  it('leads from every alert to a runbook, and to every runbook from an alert', () => {
    const linked = rows('Alerts').map(([, , runbook = '']) => [...runbook.matchAll(/\((runbooks\/\w+\.md)\)/g)].map(([, path = '']) => path));
    expect(linked.filter((paths) => paths.length === 0)).toEqual([]);
    expect(linked.flat().filter((path) => !existsSync(join(docs, path)))).toEqual([]);
    expect([...new Set(linked.flat())].sort()).toEqual(readdirSync(join(docs, 'runbooks')).map((name) => `runbooks/${name}`).sort());
  });

  it('knows every metric that another page names', () => {
    const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
    const names = pages.flatMap((name) => [...readFileSync(join(docs, name), 'utf8').matchAll(/\bmeridian_\w+/g)].map(([metric]) => metric.replace(/_(bucket|sum|count)$/, '')));
    expect([...new Set(names)].filter((name) => !documented.some((metric) => metric.name === name))).toEqual([]);
  });
});

describe('/metrics', () => {
  /** A region whose log holds events. */
  async function accepted(): Promise<OneRegion> {
    const region = new OneRegion();
    const ingest = await region.start('ingest');
    await post(region, ingest.url);
    await ingest.stop();
    return region;
  }

  async function post(region: OneRegion, url: string): Promise<void> {
    expect(await region.post(url, [usage('secret-session-1'), usage('secret-session-2')])).toBe(202);
  }

  /** Starts the service, has it do all that it tells of, and compares. */
  async function compare(region: OneRegion, service: ServiceName, act: (url: string) => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const expected = documented.filter(({ from }) => from.includes(service)).map(({ name, type, unit, attributes }) => ({ name, type, unit, attributes }));
    const { url, stop } = await region.start(service);
    await act(url);
    const scrape = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
    // Bounded, so that what is missing is shown and not only that something is.
    for (let tries = 0; tries < 200 && exposed(await scrape()).length < expected.length; tries++) await systemClock.sleep(10);
    const text = await scrape();
    await stop();
    expect(exposed(text).sort(byName)).toEqual(expected.sort(byName));
    expect(text).not.toMatch(/acme|secret-session/);
  }

  it('of ingest shows exactly what the page says, of no tenant and no session', async () => {
    const region = new OneRegion();
    await compare(region, 'ingest', (url) => post(region, url));
  });

  it('of an aggregator does, one with a log that was stopped', async () => {
    const region = await accepted();
    const [key, value] = ['k', new TextEncoder().encode('{"rules":99}')];
    await region.log.append([{ partition: 0, key, value }]);
    await compare(region, 'aggregator');
  });

  it('of reconciliation does', async () => {
    const region = await accepted();
    await region.fold();
    await compare(region, 'reconciliation');
  });
});
