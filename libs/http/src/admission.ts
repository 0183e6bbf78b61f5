/**
 * How much is taken in at once. A request is let in with the bytes it may come to take; what is over the bounds is
 * refused at once (a queue would only hide that we are too slow), and one tenant cannot take all the room.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { callerOf, tenantOf, TENANT_HEADER } from './access';
import { isCompressed } from './body';
import { HttpError } from './errors';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a route that admits its requests. */
    admitted: Admitted | null;
  }
}

export interface Admitted {
  readonly tenant: string;
  readonly ticket: Ticket;
}

export interface AdmissionLimits {
  /** Requests in flight. */
  readonly requestsMax: number;
  /** Requests of one tenant in flight. */
  readonly tenantRequestsMax: number;
  /** Bytes of bodies in flight, decoded. */
  readonly bytesMax: number;
}

export interface Ticket {
  /** How many bytes it turned out to be: never more than asked for. */
  shrink(bytes: number): void;
  /** Idempotent. */
  release(): void;
}

export class Admission {
  private requests = 0;
  private bytes = 0;
  private readonly tenants = new Map<string, number>();

  constructor(private readonly limits: AdmissionLimits) {}

  /** Throws `tenant_busy` or `overloaded`. */
  admit(tenant: string, bytes: number): Ticket {
    const { requestsMax, tenantRequestsMax, bytesMax } = this.limits;
    const own = this.tenants.get(tenant) ?? 0;
    if (own >= tenantRequestsMax) throw new HttpError('tenant_busy', `${own} requests of this tenant are being worked on: wait for their answers, send larger batches`);
    if (this.requests >= requestsMax) throw new HttpError('overloaded', `${this.requests} requests are being worked on: send again later, or in another region`);
    // One request is always let in, however small the bound.
    if (this.requests > 0 && this.bytes + bytes > bytesMax) throw new HttpError('overloaded', `${this.bytes} bytes are being worked on: send again later, or in another region`);
    this.requests++;
    this.bytes += bytes;
    this.tenants.set(tenant, own + 1);
    return this.ticket(tenant, bytes);
  }

  private ticket(tenant: string, asked: number): Ticket {
    let held = asked;
    let isReleased = false;
    return {
      shrink: (bytes) => {
        if (isReleased || bytes >= held) return;
        this.bytes -= held - bytes;
        held = bytes;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.requests--;
        this.bytes -= held;
        const left = (this.tenants.get(tenant) as number) - 1;
        if (left === 0) this.tenants.delete(tenant);
        else this.tenants.set(tenant, left);
      },
    };
  }
}

/** Lets requests with a body in by their tenant, before the body is read, until they are answered or gone. */
export function admitRequests(instance: FastifyInstance, admission: Admission, bodyBytesMax: number): void {
  instance.decorateRequest('admitted', null);
  instance.addHook('onRequest', async (request, reply) => {
    if (request.is404 || request.method !== 'POST') return;
    const tenant = tenantOf(callerOf(request), { header: request.headers[TENANT_HEADER] });
    const ticket = admission.admit(tenant, bytesOf(request, bodyBytesMax));
    request.admitted = { tenant, ticket };
    reply.raw.once('close', () => ticket.release());
  });
}

/** What the body may come to take: all that is allowed when nobody knows yet. */
function bytesOf(request: FastifyRequest, bodyBytesMax: number): number {
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  return Number.isInteger(length) && !isCompressed(request) ? Math.min(length, bodyBytesMax) : bodyBytesMax;
}
