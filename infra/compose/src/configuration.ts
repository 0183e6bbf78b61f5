/** What services are told: variables that their schemas know, values that these take, addresses at which somebody listens. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { aggregatorVariables } from '@meridian/aggregator';
import { createProgram } from '@meridian/cli';
import { readConfig } from '@meridian/http';
import { ingestVariables } from '@meridian/ingest';
import { reconciliationVariables } from '@meridian/reconciliation';
import { z } from 'zod';
import { ROOT, type Check, type Files, type Service } from './files';
import { CLI, isOneShot, isOurs, listeningPort, roleOf, servicesOf } from './services';

/** Read by the AWS SDK itself. */
const CREDENTIALS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
/** `http://kafka:1`, `kafka:kafka:1`, `region=http://kafka:1,…`: a name and a port. */
const ADDRESS = /(?<![\w.-])([a-z][a-z0-9-]*):(\d{2,5})(?!\d)/g;

/** Of each role; what the command line reads of them it reads as options. */
const VARIABLES: Readonly<Record<string, z.ZodObject>> = {
  ingest: ingestVariables,
  aggregator: aggregatorVariables,
  reconciliation: reconciliationVariables,
  replicator: z.object({}),
  'one-shot': z.object({ ...reconciliationVariables.shape, ...ingestVariables.shape }).partial(),
};

function variablesOf(service: Service): z.ZodObject | undefined {
  return VARIABLES[isOneShot(service) ? 'one-shot' : (roleOf(service) ?? '')];
}

export const everyOneOfOursIsKnown: Check = (files) =>
  servicesOf(files)
    .filter(([, service]) => isOurs(service) && !variablesOf(service))
    .map(([name, { command }]) => `${name} runs ${command?.[0] ?? 'nothing'}, which is neither a service nor the command line`);

/** `dist` is built from `src`. */
export const everyProgramIsBuilt: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    const [program = ''] = service.command ?? [];
    const source = program.replace('/dist/', '/src/').replace(/\.js$/, program === CLI ? '.js' : '.ts');
    return !isOurs(service) || existsSync(join(ROOT, source)) ? [] : [`${name} runs ${program}, which nothing builds`];
  });

export const variablesAreKnown: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    const variables = variablesOf(service);
    if (!variables) return [];
    const known = [...Object.keys(variables.shape), ...CREDENTIALS];
    return Object.keys(service.environment ?? {}).filter((variable) => !known.includes(variable)).map((variable) => `${name} is given ${variable}, which it does not read`);
  });

export const configurationsAreTaken: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    const variables = variablesOf(service);
    if (!variables) return [];
    try {
      readConfig(variables, service.environment ?? {});
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });

/** Nothing outside a container reaches its loopback. */
export const servicesListenToOthers: Check = (files) =>
  servicesOf(files)
    .filter(([, service]) => ['ingest', 'aggregator', 'reconciliation'].includes(roleOf(service) ?? '') && service.environment?.['MERIDIAN_HOST'] !== '0.0.0.0')
    .map(([name]) => `${name} listens to nobody but itself`);

export const commandLinesAreUnderstood: Check = (files) =>
  servicesOf(files).flatMap(([name, service]) => {
    if (!isOneShot(service)) return [];
    const [, ...words] = service.command ?? [];
    const command = words.reduce<Command>((at, word) => at.commands.find((one) => one.name() === word) ?? at, createProgram());
    const unknown = words.filter((word) => word.startsWith('--') && !command.options.some((option) => option.long === word));
    return [
      ...(command.commands.length === 0 ? [] : [`${name} runs no command: meridian ${words.join(' ')}`]),
      ...unknown.map((flag) => `${name} gives ${flag} to ${command.name()}, which has no such option`),
    ];
  });

export const addressesAreListenedAt: Check = (files) =>
  addresses(files).flatMap(([who, text]) =>
    [...text.matchAll(ADDRESS)].flatMap(([, host = '', port = '']) => {
      const target = files.compose.services[host];
      if (!target) return [`${who} asks ${host}, which is no service`];
      const listening = listeningPort(target, files);
      return Number(port) === listening ? [] : [`${who} asks ${host} at port ${port}, which listens on ${listening ?? 'none'}`];
    }),
  );

function addresses(files: Files): readonly (readonly [who: string, text: string])[] {
  return [
    ...servicesOf(files).flatMap(([name, { environment = {}, command = [] }]) =>
      [...Object.values(environment), ...command].map((text) => [name, text] as const)),
    ...files.datasources.datasources.map(({ uid, url }) => [`the data source ${uid}`, url] as const),
  ];
}
