/** What operators and their machines ask of every service: is it alive, is it ready, its metrics, its API. */
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Access } from './access';
import { HttpError } from './errors';
import { token } from './tokens';

export interface Operations {
  /** Rejects while requests cannot be served. */
  readonly ready: () => Promise<unknown>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** OpenAPI; undefined for a service without an API. */
  readonly openApi: object | undefined;
}

export const OPERATIONS = token<Operations>('operations');

@Controller()
export class OperationsController {
  constructor(@Inject(OPERATIONS.symbol) private readonly operations: Operations) {}

  /** The process answers: nothing else is asked, or a broken neighbour would have us restarted. */
  @Get('health/live')
  @Access('public')
  live(): { readonly status: string } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @Access('public')
  async ready(): Promise<{ readonly status: string }> {
    try {
      await this.operations.ready();
    } catch (cause) {
      throw new HttpError('not_ready', 'what this service needs does not answer, or it has stopped: see its log', { cause });
    }
    return { status: 'ok' };
  }

  @Get('metrics')
  @Access('public')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.operations.metrics();
  }

  @Get('docs/json')
  @Access('public')
  docs(): object {
    if (!this.operations.openApi) throw new HttpError('not_found', 'this service has no API beside /health and /metrics');
    return this.operations.openApi;
  }
}
