/**
 * Who may do what. Every route says it with `@Access`; a route that does not is refused at start. Checked before a
 * body is read: a stranger cannot make us take in megabytes.
 */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { invariant, NAME_PATTERN } from '@meridian/accounting';
import type { Scope } from '@meridian/ledger';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PLATFORM_TENANT, type ApiKeys, type Caller } from './api-keys';
import { HttpError } from './errors';

/** Open to everyone, or to keys with any of these scopes. */
export type AccessRule = 'public' | readonly [Scope, ...Scope[]];

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    access?: AccessRule;
  }
}

export const TENANT_HEADER = 'meridian-tenant';

/** What a route asks of its caller. */
export const Access = (rule: AccessRule): MethodDecorator => RouteConfig({ access: rule });

/** The caller of a route that is not public, as a controller's argument. */
export const CallerOf = createParamDecorator((_: unknown, context: ExecutionContext): Caller => callerOf(context.switchToHttp().getRequest<FastifyRequest>()));

/** The tenant a request is about: named by the path, else by the header, else the key's own. */
export const Tenant = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { tenant } = request.params as { readonly tenant?: string };
  return tenantOf(callerOf(request), { path: tenant, header: request.headers[TENANT_HEADER] });
});

/** Refuses requests whose key does not satisfy the route's rule, and routes without one. */
export function guardRoutes(instance: FastifyInstance, apiKeys: ApiKeys): void {
  instance.decorateRequest('caller', null);
  instance.addHook('onRoute', ({ url, config }) => invariant(config?.access, `route ${url} says nothing about access`));
  instance.addHook('onRequest', async (request) => {
    const rule = request.routeOptions.config.access;
    if (request.is404 || rule === 'public') return;
    invariant(rule, `route ${request.url} says nothing about access`);
    const caller = await apiKeys.caller(request.headers.authorization);
    if (!rule.some((scope) => caller.scopes.has(scope))) {
      throw new HttpError('scope_missing', `this needs an API key with the scope ${rule.join(' or ')}; this key has ${[...caller.scopes].join(', ') || 'none'}`);
    }
    request.caller = caller;
  });
}

export interface NamedTenant {
  readonly path?: string | undefined;
  readonly header?: string | readonly string[] | undefined;
  /** Of a body, with the pointer to it. */
  readonly body?: { readonly tenant: string; readonly pointer: string };
}

/** The one tenant that the request names and the caller may act for. */
export function tenantOf(caller: Caller, { path, header, body }: NamedTenant): string {
  if (Array.isArray(header)) throw new HttpError('tenant_invalid', 'the header Meridian-Tenant occurs more than once: send it once');
  const named = new Set([path, header as string | undefined, body?.tenant].filter((name) => name !== undefined));
  const where = body ? { pointer: body.pointer } : {};
  if (named.size > 1) throw new HttpError('tenant_forbidden', 'the request names several tenants: name the same one in path, body and header', where);
  const [tenant] = named;
  if (tenant === undefined) {
    if (caller.tenant !== PLATFORM_TENANT) return caller.tenant;
    throw new HttpError('tenant_required', 'a platform key acts for any tenant: name it in the header Meridian-Tenant');
  }
  if (!NAME_PATTERN.test(tenant)) throw new HttpError('tenant_invalid', `the tenant must match ${NAME_PATTERN.source}`, where);
  if (caller.tenant !== PLATFORM_TENANT && caller.tenant !== tenant) {
    throw new HttpError('tenant_forbidden', 'the API key belongs to another tenant: use a key of the tenant named in the request', where);
  }
  return tenant;
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  invariant(request.caller, `route ${request.routeOptions.url ?? request.url} is public: it has no caller`);
  return request.caller;
}
