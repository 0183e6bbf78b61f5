/**
 * Starting and stopping one HTTP service: Nest on Fastify, keys checked before bodies are read, every answer measured.
 * Stopping drains: no new request is taken, those in flight are answered.
 */
import type { AddressInfo } from 'node:net';
import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { guardRoutes } from './access';
import { ProblemAdapter, ProblemFilter } from './adapter';
import type { ApiKeys } from './api-keys';
import { HttpError } from './errors';

/** A service that runs in this process. */
export interface RunningService {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Drains: takes no new work, finishes what is under way. Idempotent. */
  close(): Promise<void>;
}

export interface Listen {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** What HTTP tells of itself. */
export interface HttpTelemetry {
  readonly logger: Logger;
  answered(told: { readonly region: string; readonly method: string; readonly route: string; readonly status: number; readonly durationMs: number }): void;
}

export interface HttpServiceOptions {
  readonly module: DynamicModule;
  readonly region: string;
  readonly listen: Listen;
  readonly apiKeys: ApiKeys;
  readonly telemetry: HttpTelemetry;
  /** Bodies and hooks of this service. */
  readonly configure?: (instance: FastifyInstance) => void;
}

export async function startHttp({ module, region, listen, apiKeys, telemetry, configure }: HttpServiceOptions): Promise<RunningService> {
  const adapter = new ProblemAdapter(telemetry.logger);
  const instance = adapter.fastify;
  let isDraining = false;
  instance.removeAllContentTypeParsers();
  instance.addHook('onRequest', async () => {
    if (isDraining) throw new HttpError('draining', 'this service is stopping: send again, here or in another region');
  });
  // A connection that was busy when we began to stop would otherwise be kept alive, and hold us up.
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (isDraining) void reply.header('connection', 'close');
    done();
  });
  instance.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    telemetry.answered({ region, method: request.method, route, status: reply.statusCode, durationMs: reply.elapsedTime });
  });
  guardRoutes(instance, apiKeys);
  configure?.(instance);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, bodyParser: false, abortOnError: false });
  app.useGlobalFilters(new ProblemFilter(adapter.answer));
  await app.listen(listen.port, listen.host);
  let closed: Promise<void> | undefined;
  return {
    url: urlOf(instance.server.address() as AddressInfo),
    close: () => {
      isDraining = true;
      return (closed ??= app.close());
    },
  };
}

/** An address that this machine can reach, also when we listen on all of them. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
