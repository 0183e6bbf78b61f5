/**
 * What is checked, as read from the repository: docker-compose.yml, the Dockerfile, and the files that they mount or
 * have to agree with. Only the keys that a check looks at are typed here; that the rest is sound, the schema says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const ROOT = resolve(__dirname, '../../..');

export interface Healthcheck {
  test?: string[];
  disable?: boolean;
}

export interface Service {
  image?: string;
  build?: string;
  command?: string[];
  profiles?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: Healthcheck;
  depends_on?: Record<string, { condition: string }>;
}

export interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

export interface Prometheus {
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

export interface Collector {
  receivers: { otlp: { protocols: { http: { endpoint: string } } } };
  service: { telemetry: { metrics: { readers: { pull: { exporter: { prometheus: { host: string; port: number } } } }[] } } };
}

export interface Dashboard {
  panels: { title: string; datasource?: { uid: string }; targets?: { expr: string }[] }[];
}

export interface RootPackage {
  version: string;
  workspaces: string[];
  optionalDependencies: Record<string, string>;
}

export interface Files {
  compose: Compose;
  dockerfile: string;
  dockerignore: string;
  rootPackage: RootPackage;
  /** The versions of the stack without Docker. */
  pom: string;
  prometheus: Prometheus;
  collector: Collector;
  datasources: { datasources: { uid: string; url: string }[] };
  dashboardProviders: { providers: { options: { path: string } }[] };
  dashboards: Record<string, Dashboard>;
}

/** Says what is wrong, one sentence each; nothing when all is well. */
export type Check = (files: Files) => readonly string[];

export function readFiles(): Files {
  const dashboards = readdirSync(join(ROOT, 'infra/grafana/dashboards'));
  return {
    compose: yaml('docker-compose.yml') as Compose,
    dockerfile: text('Dockerfile'),
    dockerignore: text('.dockerignore'),
    rootPackage: JSON.parse(text('package.json')) as RootPackage,
    pom: text('infra/local/pom.xml'),
    prometheus: yaml('infra/grafana/prometheus.yml') as Prometheus,
    collector: yaml('infra/grafana/otel-collector.yaml') as Collector,
    datasources: yaml('infra/grafana/provisioning/datasources/prometheus.yaml') as Files['datasources'],
    dashboardProviders: yaml('infra/grafana/provisioning/dashboards/meridian.yaml') as Files['dashboardProviders'],
    dashboards: Object.fromEntries(dashboards.map((name) => [name, JSON.parse(text(`infra/grafana/dashboards/${name}`)) as Dashboard])),
  };
}

function text(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/**
 * `<<` is of YAML 1.1, and Compose reads it. The file is our own: as many aliases as it likes. They become copies, so
 * that a service can be changed by itself.
 */
function yaml(path: string): unknown {
  return JSON.parse(JSON.stringify(parse(text(path), { merge: true, maxAliasCount: -1 })));
}
