/**
 * The shape of an event as it comes in, once: Ajv validates by it, OpenAPI shows it, the types are read off it.
 * Limits are those of `libs/accounting`. Whether a time is acceptable is decided by the log's append time, not here.
 */
import { Type, type Static, type TInteger, type TOptional, type TString } from '@sinclair/typebox';
import { ATTRIBUTES_MAX, BUCKETS, DIMENSION_BYTES_MAX, NAME_BYTES_MAX, REASON_BYTES_MAX, type Bucket } from '@meridian/accounting';

export const USAGE_TYPE = 'meridian.usage.v1';
export const VOID_TYPE = 'meridian.void.v1';

/** UTF-8 bytes of one attribute's value; of its name: DIMENSION_BYTES_MAX. */
export const ATTRIBUTE_BYTES_MAX = 1_024;

/** What the keyword `x-text` asks of a string: well-formed, no control characters, bounded in bytes of UTF-8. */
export interface TextRule {
  readonly bytesMax: number;
  readonly isRequired: boolean;
}

/** A name that must say something. */
function name(bytesMax: number, description: string): TString {
  return Type.String({ description, 'x-text': { bytesMax, isRequired: true } satisfies TextRule });
}

/** Empty means the same as absent. */
function optionalText(bytesMax: number, description: string): TOptional<TString> {
  return Type.Optional(Type.String({ description, 'x-text': { bytesMax, isRequired: false } satisfies TextRule }));
}

const count = (bucket: Bucket): TOptional<TInteger> =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: `tokens of the bucket ${bucket}` }));

export const tokensSchema = Type.Object(
  Object.fromEntries(BUCKETS.map((bucket) => [bucket, count(bucket)])) as Record<Bucket, TOptional<TInteger>>,
  { additionalProperties: false, minProperties: 1, description: 'token counts in disjoint buckets; a bucket that is left out is not reported, which is not zero' },
);

export const usageDataSchema = Type.Object(
  {
    provider: name(DIMENSION_BYTES_MAX, 'who ran the model, for example openai'),
    model: name(DIMENSION_BYTES_MAX, 'the model as the provider names it'),
    tokens: tokensSchema,
    operation: optionalText(DIMENSION_BYTES_MAX, 'for example chat'),
    tier: optionalText(DIMENSION_BYTES_MAX, 'service tier, for example batch'),
    inferenceRegion: optionalText(DIMENSION_BYTES_MAX, 'where the provider ran the model'),
    requestId: optionalText(NAME_BYTES_MAX, "the provider's id of the request"),
    attributes: Type.Optional(
      Type.Unsafe<Readonly<Record<string, string>>>({
        type: 'object',
        maxProperties: ATTRIBUTES_MAX,
        propertyNames: { type: 'string', 'x-text': { bytesMax: DIMENSION_BYTES_MAX, isRequired: true } satisfies TextRule },
        additionalProperties: { type: 'string', 'x-text': { bytesMax: ATTRIBUTE_BYTES_MAX, isRequired: false } satisfies TextRule },
        description: 'anything else worth keeping with the event',
      }),
    ),
  },
  { additionalProperties: false },
);

export const voidDataSchema = Type.Object(
  {
    source: name(NAME_BYTES_MAX, 'source of the event that must not count'),
    id: name(NAME_BYTES_MAX, 'id of the event that must not count, in the same session'),
    reason: name(REASON_BYTES_MAX, 'why it must not count'),
  },
  { additionalProperties: false },
);

/** CloudEvents attributes; what is not listed is an extension, allowed and not kept. */
const head = {
  specversion: Type.Literal('1.0'),
  id: name(NAME_BYTES_MAX, 'unique per source and session; the same in every resend'),
  source: name(NAME_BYTES_MAX, 'logical name of the service, not of its pod'),
  subject: name(NAME_BYTES_MAX, 'the session'),
  time: Type.String({ format: 'date-time', description: 'when the usage happened, RFC 3339' }),
  datacontenttype: Type.Optional(Type.String({ pattern: '^application/json *(;.*)?$', description: 'application/json' })),
  dataschema: Type.Optional(Type.String()),
};
const extensions = Type.Unsafe<string | number | boolean | null>({ type: ['string', 'number', 'boolean', 'null'] });

export const usageEventSchema = Type.Object(
  { ...head, type: Type.Literal(USAGE_TYPE), data: usageDataSchema },
  { $id: 'UsageEvent', additionalProperties: extensions },
);
export const voidEventSchema = Type.Object(
  { ...head, type: Type.Literal(VOID_TYPE), data: voidDataSchema },
  { $id: 'VoidEvent', additionalProperties: extensions },
);

export type UsageCloudEvent = Static<typeof usageEventSchema>;
export type VoidCloudEvent = Static<typeof voidEventSchema>;
