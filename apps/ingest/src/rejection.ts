/** Why an event is not accepted: a code, where, and a sentence that names the field, the reason and the fix. */
import type { ErrorObject } from 'ajv';
import { BUCKETS, utf8Length } from '@meridian/accounting';
import { pointerOf } from '@meridian/http';
import type { TextRule } from './event-schema';

export const REJECTION_CODES = ['not_an_object', 'type_unknown', 'field_missing', 'field_unknown', 'field_invalid', 'number_rounded', 'scope_missing'] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
  /** JSON pointer within the event. */
  readonly pointer: string;
}

/** What Ajv found first, for a person. `value` is the event. */
export function rejectionOf(error: ErrorObject): Rejection {
  const { keyword, instancePath } = error;
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (keyword) {
    case 'required': {
      const pointer = instancePath + pointerOf([params['missingProperty'] as string]);
      return { code: 'field_missing', pointer, message: `${fieldOf(pointer)}: missing; ${FIXES[pointer] ?? 'send it'}` };
    }
    case 'additionalProperties':
      return unknownMember(instancePath, params['additionalProperty'] as string);
    case 'x-text':
      return invalid(instancePath, textProblem(error));
    default:
      return invalid(instancePath, SENTENCES[keyword]?.(error) ?? (error.message ?? 'is not what it must be'));
  }
}

export function invalid(pointer: string, problem: string): Rejection {
  return { code: 'field_invalid', pointer, message: `${fieldOf(pointer)}: ${problem}` };
}

/** `/data/tokens/input` as `data.tokens.input`. */
export function fieldOf(pointer: string): string {
  return pointer === '' ? 'event' : pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
}

const BUCKET_LIST = BUCKETS.join(', ');

/** What to do about a member that is missing. */
const FIXES: Readonly<Record<string, string>> = {
  '/specversion': 'send "1.0"',
  '/id': "send the event's id, the same in every resend",
  '/source': "send the service's logical name",
  '/subject': 'send the session the usage belongs to',
  '/time': 'send when the usage happened, RFC 3339',
  '/data': 'send the event\'s content as a JSON object in "data"',
  '/data/provider': 'name who ran the model',
  '/data/model': 'name the model',
  '/data/tokens': `send the token counts in buckets: ${BUCKET_LIST}`,
  '/data/reason': 'say why the event must not count',
};

function unknownMember(instancePath: string, member: string): Rejection {
  const pointer = instancePath + pointerOf([member]);
  const base = { code: 'field_unknown', pointer } as const;
  if (pointer === '/data/usage') {
    return { ...base, message: 'data.usage: payloads of providers are not read yet; send the counts as data.tokens' };
  }
  if (instancePath === '/data/tokens') return { ...base, message: `${fieldOf(pointer)}: no such bucket; the buckets are ${BUCKET_LIST}` };
  return { ...base, message: `${fieldOf(pointer)}: no such member; correct its name, or put it into data.attributes` };
}

const SENTENCES: Readonly<Record<string, ((error: ErrorObject) => string) | undefined>> = {
  type: ({ params, data }) => `must be ${wordOf((params as { readonly type: string | readonly string[] }).type)}, not ${describe(data)}`,
  const: ({ params }) => `must be ${JSON.stringify((params as { readonly allowedValue: unknown }).allowedValue)}`,
  minimum: () => 'must not be negative; send a correction as a void and a new event',
  maximum: () => `must be at most ${Number.MAX_SAFE_INTEGER} (2^53−1); larger numbers are not exact in JSON`,
  minProperties: () => `must hold at least one bucket of ${BUCKET_LIST}`,
  maxProperties: ({ params }) => `must hold at most ${(params as { readonly limit: number }).limit} members; leave some out`,
  pattern: () => 'must be application/json: the data is a JSON object',
};

function wordOf(type: string | readonly string[]): string {
  if (typeof type !== 'string') return type.join(' or ');
  if (type === 'integer') return `an integer 0..${Number.MAX_SAFE_INTEGER}`;
  return type === 'object' ? 'an object' : `a ${type}`;
}

/** The kind of value that came, never the value itself unless it is a number. */
function describe(data: unknown): string {
  if (data === null) return 'null';
  if (Array.isArray(data)) return 'an array';
  if (typeof data === 'number') return String(data);
  return typeof data === 'object' ? 'an object' : `a ${typeof data}`;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function textProblem({ data, schema, propertyName }: ErrorObject): string {
  const text = data as string;
  const subject = propertyName === undefined ? '' : 'the name of a member ';
  if (text === '') return `${subject}must not be empty`;
  if (!text.isWellFormed()) return `${subject}holds half of a surrogate pair; send well-formed Unicode`;
  if (CONTROL.test(text)) return `${subject}holds a control character; remove it`;
  return `${subject}takes ${utf8Length(text)} bytes of UTF-8; the limit is ${(schema as TextRule).bytesMax}`;
}
