import {
  dashboardsAreMountedWhereTheyAreLookedFor, everyMetricExists, everyPanelHasItsSource, everyServiceIsScraped, jobsAreRoles, metricNames,
} from './monitoring';
import { describeRules, serviceOf } from './rules';

const FILE = 'meridian.json';

describeRules('Prometheus and Grafana', [
  {
    title: 'scrape every service, once',
    check: everyServiceIsScraped,
    broken: [
      ['one left out', (files) => files.prometheus.scrape_configs.pop(), 'nothing scrapes otel-collector:8888'],
      ['one that moved', (files) => (serviceOf(files, 'ingest-us-east-1').environment!['MERIDIAN_PORT'] = '8081'), 'ingest-us-east-1:8080 is scraped, and nothing tells metrics there'],
      ['one twice', (files) => files.prometheus.scrape_configs[0]?.static_configs.push({ targets: ['ingest-us-east-1:8080'] }), 'ingest-us-east-1:8080 is scraped twice'],
    ],
  },
  {
    title: 'call a job by the role of its services',
    check: jobsAreRoles,
    broken: [['another name', (files) => (files.prometheus.scrape_configs[0]!.job_name = 'meridian'), 'is in the job meridian']],
  },
  {
    title: 'show metrics that there are',
    check: everyMetricExists,
    broken: [
      ['a counter without its suffix', (files) => (files.dashboards[FILE]!.panels[1]!.targets = [{ expr: 'rate(meridian_accept_events[1m])' }]), 'asks for meridian_accept_events,'],
      ['a histogram without its series', (files) => (files.dashboards[FILE]!.panels[1]!.targets = [{ expr: 'meridian_accept_duration_seconds' }]), 'asks for meridian_accept_duration_seconds,'],
      ['a slip', (files) => (files.dashboards[FILE]!.panels[1]!.targets = [{ expr: 'meridan_cut_number' }]), 'asks for no metric'],
    ],
  },
  {
    title: 'ask the data source that is provisioned',
    check: everyPanelHasItsSource,
    broken: [
      ['another', (files) => (files.datasources.datasources[0]!.uid = 'mimir'), 'which is not provisioned'],
      ['none', (files) => delete files.dashboards[FILE]!.panels[1]!.datasource, 'which is not provisioned'],
    ],
  },
  {
    title: 'find the dashboards where they are mounted',
    check: dashboardsAreMountedWhereTheyAreLookedFor,
    broken: [['elsewhere', (files) => (files.dashboardProviders.providers[0]!.options.path = '/dashboards'), 'where nothing is mounted']],
  },
]);

describe('The name of a metric in Prometheus', () => {
  it('ends in _total for a counter, is three series for a histogram, and is itself for a gauge', () => {
    expect(metricNames()).toEqual(expect.arrayContaining(['meridian_alarms_total', 'meridian_accept_duration_seconds_bucket', 'meridian_cut_number']));
  });
});
