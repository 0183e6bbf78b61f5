/** What is measured reaches the dashboard: every service is scraped, every panel asks for a metric that exists. */
import { COUNTERS, GAUGES, HISTOGRAMS } from '@meridian/telemetry';
import type { Check, Files } from './files';
import { listeningPort, roleOf, servicesOf } from './services';

/** Of Prometheus itself. */
const BUILT_IN = ['up'];
const METRIC = /\b(?:meridian_\w+|up)\b/g;

/** The names as Prometheus has them: a counter ends in `_total`, a histogram is three series. */
export function metricNames(): readonly string[] {
  return [
    ...Object.values(COUNTERS).map(({ name }) => `${name}_total`),
    ...Object.values(HISTOGRAMS).flatMap(({ name }) => ['bucket', 'count', 'sum'].map((series) => `${name}_${series}`)),
    ...Object.values(GAUGES).map(({ name }) => name),
    ...BUILT_IN,
  ];
}

export const everyServiceIsScraped: Check = (files) => {
  const found = files.prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets));
  const wanted = wantedTargets(files);
  return [
    ...wanted.filter((target) => !found.includes(target)).map((target) => `nothing scrapes ${target}`),
    ...found.filter((target) => !wanted.includes(target)).map((target) => `${target} is scraped, and nothing tells metrics there`),
    ...found.filter((target, index) => found.indexOf(target) !== index).map((target) => `${target} is scraped twice`),
  ];
};

/** A job is a role: the dashboard and alerts may go by it. */
export const jobsAreRoles: Check = ({ prometheus }) =>
  prometheus.scrape_configs.flatMap(({ job_name: job, static_configs: groups }) =>
    groups.flatMap(({ targets }) => targets.filter((target) => !target.startsWith(job)).map((target) => `${target} is in the job ${job}`)),
  );

export const everyMetricExists: Check = (files) =>
  panels(files).flatMap(({ where, targets = [] }) =>
    targets.flatMap(({ expr }) => {
      const asked = expr.match(METRIC) ?? [];
      if (asked.length === 0) return [`${where} asks for no metric: ${expr}`];
      return asked.filter((metric) => !metricNames().includes(metric)).map((metric) => `${where} asks for ${metric}, which nothing measures`);
    }),
  );

export const everyPanelHasItsSource: Check = (files) => {
  const sources = files.datasources.datasources.map(({ uid }) => uid);
  return panels(files)
    .filter(({ targets, datasource }) => targets && !sources.includes(datasource?.uid ?? ''))
    .map(({ where, datasource }) => `${where} asks the data source ${datasource?.uid ?? 'of no name'}, which is not provisioned`);
};

export const dashboardsAreMountedWhereTheyAreLookedFor: Check = ({ compose, dashboardProviders }) => {
  const mounted = (compose.services['grafana']?.volumes ?? []).map((volume) => volume.split(':')[1]);
  return dashboardProviders.providers.map(({ options: { path } }) => path).filter((path) => !mounted.includes(path)).map((path) => `Grafana looks for dashboards in ${path}, where nothing is mounted`);
};

function wantedTargets(files: Files): readonly string[] {
  const ours = servicesOf(files)
    .filter(([, service]) => ['ingest', 'aggregator', 'reconciliation'].includes(roleOf(service) ?? ''))
    .map(([name, service]) => `${name}:${listeningPort(service, files)}`);
  const own = files.collector.service.telemetry.metrics.readers.map(({ pull }) => `otel-collector:${pull.exporter.prometheus.port}`);
  return [...ours, ...own];
}

function panels({ dashboards }: Files) {
  return Object.entries(dashboards).flatMap(([file, dashboard]) => dashboard.panels.map((panel) => ({ ...panel, where: `${file}: ${panel.title}` })));
}
