/** What a service of docker-compose.yml is, read off its entry: the questions that several checks ask. */
import type { Files, Service } from './files';

export const CLI = 'apps/cli/bin/meridian.js';

/** Entry points of ours that stay, and the role that names their services. */
export const ROLES: Readonly<Record<string, string>> = {
  'apps/ingest/dist/main.js': 'ingest',
  'apps/aggregator/dist/main.js': 'aggregator',
  'apps/reconciliation/dist/main.js': 'reconciliation',
  'infra/local/dist/replicator-main.js': 'replicator',
};

/** The collector's image has no shell and no client: nothing in it could ask. Prometheus does (`up`). */
export const CANNOT_BE_ASKED = ['otel-collector'];

export function servicesOf({ compose }: Files): readonly (readonly [name: string, service: Service])[] {
  return Object.entries(compose.services);
}

export function isOurs({ image }: Service): boolean {
  return imageOf(image).repository === 'meridian';
}

/** Ends by itself: a command line that creates something. */
export function isOneShot(service: Service): boolean {
  return isOurs(service) && service.command?.[0] === CLI;
}

/** `ingest` of `ingest-us-east-1`; undefined for a service that is none of ours, or a one-shot. */
export function roleOf(service: Service): string | undefined {
  return isOurs(service) ? ROLES[service.command?.[0] ?? ''] : undefined;
}

export function imageOf(image = ''): { readonly repository: string; readonly tag: string } {
  const at = image.lastIndexOf(':');
  return at < 0 ? { repository: image, tag: '' } : { repository: image.slice(0, at), tag: image.slice(at + 1) };
}

/** Value that follows a flag on a service's command line. */
export function argumentOf({ command = [] }: Service, flag: string): string | undefined {
  const at = command.indexOf(flag);
  return at < 0 ? undefined : command[at + 1];
}

/** Port that a service listens on in its container, by its own configuration; undefined when it is asked by nobody. */
export function listeningPort(service: Service, { collector }: Files): number | undefined {
  const role = roleOf(service);
  if (role === 'replicator') return portOf(argumentOf(service, '--listen'));
  if (role !== undefined) return Number(service.environment?.['MERIDIAN_PORT']);
  switch (imageOf(service.image).repository) {
    case 'apache/kafka':
      return portOf(service.environment?.['KAFKA_LISTENERS']?.split(',').find((one) => one.startsWith('BROKER:')));
    case 'amazon/dynamodb-local':
      return Number(argumentOf(service, '-port'));
    case 'otel/opentelemetry-collector':
      return portOf(collector.receivers.otlp.protocols.http.endpoint);
    case 'prom/prometheus':
      return 9_090;
    case 'grafana/grafana':
      return 3_000;
    default:
      return undefined;
  }
}

function portOf(address = ''): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
