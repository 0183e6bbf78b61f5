/** docker-compose.yml by itself: valid, every image exact, health known, order satisfiable, ports and volumes sound. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Ajv from 'ajv';
import { ROOT, type Check } from './files';
import { CANNOT_BE_ASKED, imageOf, isOneShot, isOurs, listeningPort, servicesOf } from './services';

/** Three numbers, whatever stands around them (v3.13.3, 24.21.0-slim), or the digest of the very bytes. */
export const EXACT = /(^|:)v?\d+\.\d+\.\d+(-[a-z]+)*$|@sha256:[0-9a-f]{64}$/;
const PUBLISHED = /^127\.0\.0\.1:(\d+):(\d+)$/;

/** The Compose Specification's own schema, from the package that carries it (README.md); it is draft 07, which Ajv knows by another URL than it gives. */
const composeSchema = (() => {
  const carrier = dirname(require.resolve('dclint/package.json'));
  const { $schema: _, ...schema } = JSON.parse(readFileSync(join(carrier, 'schemas/compose.schema.json'), 'utf8')) as Record<string, unknown>;
  return new Ajv({ allErrors: true, strict: false }).compile(schema);
})();

export const isValid: Check = ({ compose }) => {
  composeSchema(compose);
  return (composeSchema.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`);
};

export const imagesAreExact: Check = (files) =>
  servicesOf(files).filter(([, { image = '' }]) => !EXACT.test(image)).map(([name, { image }]) => `${name} takes the image ${image ?? 'of no name'}, which may be another tomorrow`);

export const oneImageIsBuiltOnce: Check = (files) => {
  const { version } = files.rootPackage;
  const ours = servicesOf(files).filter(([, service]) => isOurs(service));
  const builders = servicesOf(files).filter(([, { build }]) => build !== undefined).map(([name]) => name);
  return [
    ...ours.filter(([, { image }]) => imageOf(image).tag !== version).map(([name]) => `${name} is not of version ${version}`),
    ...(builders.length === 1 ? [] : [`built by ${builders.join(', ') || 'none'}: one service builds the image that all of ours share`]),
  ];
};

/** A one-shot is healthy when it has ended well, and is never asked. */
export const healthIsKnown: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    const { disable = false, test } = service.healthcheck ?? {};
    if (isOneShot(service)) return disable ? [] : [`${name} ends by itself: its healthcheck must be disabled`];
    if (CANNOT_BE_ASKED.includes(name)) return [];
    // The Dockerfile asks on behalf of ours.
    return !disable && (test !== undefined || isOurs(service)) ? [] : [`${name} has no healthcheck`];
  });

export const healthchecksAskWhatListens: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    const asked = /127\.0\.0\.1:(\d+)/.exec(service.healthcheck?.test?.join(' ') ?? '')?.[1];
    const port = listeningPort(service, files);
    return asked === undefined || Number(asked) === port ? [] : [`${name} is asked at port ${asked} and listens on ${port ?? 'none'}`];
  });

export const dependenciesCanBeMet: Check = (files) =>
  servicesOf(files).flatMap(([name, { depends_on: dependsOn = {} }]) =>
    Object.entries(dependsOn).flatMap(([target, { condition }]) => {
      const found = files.compose.services[target];
      if (!found) return [`${name} waits for ${target}, which is no service`];
      if (found.profiles) return [`${name} waits for ${target}, which starts only when asked for`];
      const fitting = isOneShot(found) ? 'service_completed_successfully' : 'service_healthy';
      if (condition !== fitting) return [`${name} waits for ${target} to be ${condition}: it should be ${fitting}`];
      return CANNOT_BE_ASKED.includes(target) ? [`${name} waits for ${target}, which cannot be asked`] : [];
    }),
  );

export const noneWaitsForItself: Check = (files) => {
  const dependsOn = (name: string): string[] => Object.keys(files.compose.services[name]?.depends_on ?? {});
  const reaches = (name: string, target: string, seen: ReadonlySet<string>): boolean =>
    dependsOn(name).some((next) => next === target || (!seen.has(next) && reaches(next, target, new Set([...seen, next]))));
  return servicesOf(files).filter(([name]) => reaches(name, name, new Set())).map(([name]) => `${name} waits for itself`);
};

/** `docker compose up --wait` takes an ended container for a failed one unless somebody waits for its end. */
export const everyOneShotIsWaitedFor: Check = (files) => {
  const waitedFor = new Set(servicesOf(files).flatMap(([, service]) => Object.keys(service.depends_on ?? {})));
  return servicesOf(files)
    .filter(([name, service]) => isOneShot(service) && !service.profiles && !waitedFor.has(name))
    .map(([name]) => `nothing waits for ${name} to end`);
};

export const portsAreOfTheLoopback: Check = (files) => {
  const owners = new Map<string, string>();
  return servicesOf(files).flatMap(([name, service]) =>
    (service.ports ?? []).flatMap((published) => {
      const [, outer = '', inner = ''] = PUBLISHED.exec(published) ?? [];
      if (outer === '') return [`${name} publishes ${published}: write 127.0.0.1:PORT:PORT`];
      const owner = owners.get(outer);
      owners.set(outer, name);
      if (owner !== undefined) return [`${name} publishes port ${outer}, which is ${owner}'s`];
      const port = listeningPort(service, files);
      return Number(inner) === port ? [] : [`${name} publishes its port ${inner} and listens on ${port ?? 'none'}`];
    }),
  );
};

export const volumesAreDeclaredAndUsed: Check = (files) => {
  const declared = Object.keys(files.compose.volumes);
  const used = mounts(files).filter(({ source }) => !isPath(source));
  const named = used.map(({ source }) => source);
  return [
    ...used.filter(({ source }) => !declared.includes(source)).map(({ name, source }) => `${name} mounts the volume ${source}, which is not declared`),
    ...declared.filter((volume) => !named.includes(volume)).map((volume) => `nothing mounts the volume ${volume}`),
    ...named.filter((volume, index) => named.indexOf(volume) !== index).map((volume) => `the volume ${volume} is mounted twice`),
  ];
};

export const mountedFilesExist: Check = (files) =>
  mounts(files)
    .filter(({ source }) => isPath(source))
    .flatMap(({ name, source, mode }) => [
      ...(existsSync(join(ROOT, source)) ? [] : [`${name} mounts ${source}, which does not exist`]),
      ...(mode === 'ro' ? [] : [`${name} could write to ${source}`]),
    ]);

function mounts(files: Parameters<Check>[0]): readonly { readonly name: string; readonly source: string; readonly mode: string | undefined }[] {
  return servicesOf(files).flatMap(([name, { volumes = [] }]) =>
    volumes.map((volume) => {
      const [source = '', , mode] = volume.split(':');
      return { name, source, mode };
    }),
  );
}

function isPath(source: string): boolean {
  return source.startsWith('.') || source.startsWith('/');
}
