/** The API of ingest, for `/docs/json`. */
import { Type } from '@sinclair/typebox';
import { openApiDocument } from '@meridian/http';
import { BATCH_TYPE, EVENT_TYPE, INGEST_LIMITS } from './bodies';
import { usageEventSchema, voidEventSchema } from './event-schema';
import { REJECTION_CODES } from './rejection';

const eventSchema = Type.Union([usageEventSchema, voidEventSchema]);

const resultSchema = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'of the event in the batch' }),
  id: Type.Union([Type.String(), Type.Null()]),
  status: Type.Union([Type.Literal('accepted'), Type.Literal('rejected')]),
  code: Type.Optional(Type.Union(REJECTION_CODES.map((code) => Type.Literal(code)))),
  message: Type.Optional(Type.String({ description: 'the field, what is wrong with it, what to do' })),
  pointer: Type.Optional(Type.String({ description: 'JSON pointer into the body' })),
});

const answerSchema = Type.Object({
  results: Type.Array(resultSchema),
  accepted: Type.Integer({ minimum: 0 }),
  rejected: Type.Integer({ minimum: 0 }),
  through: Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
    description: 'by log, the offset before which the accepted events stand: a cut at or beyond these covers them',
  }),
});

export const openApi = openApiDocument({
  title: 'Meridian ingest',
  description: 'Takes usage events. An event that was answered as accepted is durable and will be counted exactly once, however often it is sent.',
  operations: [
    {
      method: 'post',
      path: '/v1/events',
      summary: 'Send usage events or voids, one or a batch',
      description: 'Send again after any answer but 202, 4xx, or none at all: an event sent twice is counted once. gzip is taken.',
      scopes: ['ingest', 'void'],
      parameters: [
        { name: 'Meridian-Tenant', in: 'header', description: 'the tenant, for a platform key', schema: Type.String() },
        { name: 'traceparent', in: 'header', description: 'W3C trace context: it is kept with the events', schema: Type.String() },
      ],
      body: { [EVENT_TYPE]: eventSchema, [BATCH_TYPE]: Type.Array(eventSchema, { minItems: 1, maxItems: INGEST_LIMITS.batchEventsMax }) },
      answers: {
        202: { description: 'the accepted events are durable; the others were rejected', schema: answerSchema },
        422: { description: 'no event was acceptable', schema: answerSchema },
      },
      problems: [400, 408, 413, 415, 429],
    },
  ],
});
