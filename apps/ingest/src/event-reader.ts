/** From a parsed CloudEvent to an event as accounting knows it, or the reason why not. Pure. */
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { isText, type MeridianEvent } from '@meridian/accounting';
import { parseTime } from '@meridian/http';
import type { Scope } from '@meridian/ledger';
import { USAGE_TYPE, usageEventSchema, VOID_TYPE, voidEventSchema, type TextRule, type UsageCloudEvent, type VoidCloudEvent } from './event-schema';
import { invalid, rejectionOf, type Rejection } from './rejection';

/** Who sends it. */
export interface Sender {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
}

const ajv = new Ajv({
  strict: true,
  allowUnionTypes: true,
  verbose: true,
  // Checked by `parseTime`, which also gives its value.
  formats: { 'date-time': true },
  keywords: [
    {
      keyword: 'x-text',
      type: 'string',
      errors: false,
      validate: ({ bytesMax, isRequired }: TextRule, text: string) => (text !== '' || !isRequired) && isText(text, bytesMax),
    },
  ],
});
const isUsage = ajv.compile<UsageCloudEvent>(usageEventSchema);
const isVoid = ajv.compile<VoidCloudEvent>(voidEventSchema);

export type ReadEvent = { readonly event: MeridianEvent } | { readonly rejection: Rejection };

export function readEvent(raw: unknown, sender: Sender): ReadEvent {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return refuse({ code: 'not_an_object', pointer: '', message: 'event: must be a JSON object, one CloudEvent' });
  }
  const { type } = raw as { readonly type?: unknown };
  switch (type) {
    case USAGE_TYPE:
      if (!sender.scopes.has('ingest')) return refuse(scopeMissing('ingest', type));
      return isUsage(raw) ? timed(raw, (time) => usageEvent(raw, sender.tenant, time)) : refuseBy(isUsage);
    case VOID_TYPE:
      if (!sender.scopes.has('void')) return refuse(scopeMissing('void', type));
      return isVoid(raw) ? timed(raw, (time) => voidEvent(raw, sender.tenant, time)) : refuseBy(isVoid);
    case undefined:
      return refuse({ code: 'field_missing', pointer: '/type', message: `type: missing; send "${USAGE_TYPE}" or "${VOID_TYPE}"` });
    default:
      return refuse({ code: 'type_unknown', pointer: '/type', message: `type: not known here; send "${USAGE_TYPE}" or "${VOID_TYPE}"` });
  }
}

function usageEvent({ id, source, subject, data }: UsageCloudEvent, tenant: string, time: number): MeridianEvent {
  return { kind: 'usage', tenant, source, id, session: subject, time, counted: 'reported', ...data };
}

function voidEvent({ id, source, subject, data }: VoidCloudEvent, tenant: string, time: number): MeridianEvent {
  return { kind: 'void', tenant, source, id, session: subject, time, target: { source: data.source, id: data.id }, reason: data.reason };
}

function timed({ time }: { readonly time: string }, make: (time: number) => MeridianEvent): ReadEvent {
  const ms = parseTime(time);
  if (ms === undefined) return refuse(invalid('/time', 'must be a time of RFC 3339 with seconds and offset, such as 2026-01-31T23:59:59Z'));
  if (ms < 0) return refuse(invalid('/time', 'must not be before 1970-01-01T00:00:00Z'));
  return { event: make(ms) };
}

function scopeMissing(scope: Scope, type: string): Rejection {
  return { code: 'scope_missing', pointer: '/type', message: `type: ${type} needs an API key with the scope ${scope}; use one that has it` };
}

function refuseBy(validate: ValidateFunction): ReadEvent {
  const [first] = validate.errors as readonly ErrorObject[] as readonly [ErrorObject];
  return refuse(rejectionOf(first));
}

function refuse(rejection: Rejection): ReadEvent {
  return { rejection };
}
