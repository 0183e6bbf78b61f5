/** The content types of events, and how much of them is taken in at once. */
import { Admission, admitRequests, parseJson, takeBodies, type AdmissionLimits, type FastifyInstance, type FastifyRequest } from '@meridian/http';
import type { EventBody } from './intake';

export const EVENT_TYPE = 'application/cloudevents+json';
export const BATCH_TYPE = 'application/cloudevents-batch+json';
export const EVENT_TYPES = `${EVENT_TYPE} or ${BATCH_TYPE}`;

export interface IngestLimits extends AdmissionLimits {
  readonly batchEventsMax: number;
  /** Decoded. */
  readonly bodyBytesMax: number;
}

const MEBIBYTE = 1024 * 1024;

/** A parsed body takes several times its bytes: `bytesMax` bounds the process to about 1 GiB. */
export const INGEST_LIMITS: IngestLimits = {
  batchEventsMax: 1_000,
  bodyBytesMax: 4 * MEBIBYTE,
  requestsMax: 1_024,
  tenantRequestsMax: 512,
  bytesMax: 128 * MEBIBYTE,
};

export function takeEvents(instance: FastifyInstance, limits: IngestLimits): void {
  admitRequests(instance, new Admission(limits), limits.bodyBytesMax);
  const take = (type: string, isBatch: boolean): void =>
    takeBodies(instance, {
      types: [type],
      bytesMax: limits.bodyBytesMax,
      parse: (bytes: Buffer, request: FastifyRequest): EventBody => {
        request.admitted?.ticket.shrink(bytes.length);
        return { ...parseJson(bytes), isBatch };
      },
    });
  take(EVENT_TYPE, false);
  take(BATCH_TYPE, true);
}
