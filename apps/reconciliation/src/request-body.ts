/** A body against its schema: what is wrong with it names the member, the reason and the fix. */
import { FormatRegistry, type Static, type TSchema } from '@sinclair/typebox';
import { Value, ValueErrorType, type ValueError } from '@sinclair/typebox/value';
import { HttpError, parseTime } from '@meridian/http';

FormatRegistry.Set('date-time', (text) => parseTime(text) !== undefined);

/** Throws `body_invalid` naming the first member that is wrong. */
export function readBody<Schema extends TSchema>(schema: Schema, body: unknown): Static<Schema> {
  const first = Value.Errors(schema, body).First();
  if (first) throw invalid(first.path, problemOf(first));
  return body;
}

export function invalid(pointer: string, problem: string): HttpError {
  return new HttpError('body_invalid', `${pointer === '' ? 'body' : pointer.slice(1).replaceAll('/', '.')}: ${problem}`, { pointer });
}

const PROBLEMS: Readonly<Partial<Record<ValueErrorType, string>>> = {
  [ValueErrorType.ObjectRequiredProperty]: 'missing; send it',
  [ValueErrorType.ObjectAdditionalProperties]: 'there is no such member here; correct its name or leave it out',
  [ValueErrorType.StringFormat]: 'must be a time of RFC 3339 on the hour, such as 2026-01-01T00:00:00Z',
  [ValueErrorType.StringPattern]: 'must be 1 to 64 of A–Z, a–z, 0–9, "_" and "-"',
};

function problemOf({ type, message, schema }: ValueError): string {
  const choices = choicesOf(schema);
  if (choices.length > 0) return `must be ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`;
  return PROBLEMS[type] ?? message.toLowerCase();
}

/** Of a literal, or of a union of literals. */
function choicesOf({ const: literal, anyOf }: TSchema): unknown[] {
  if (literal !== undefined) return [literal];
  return ((anyOf ?? []) as readonly TSchema[]).flatMap(choicesOf);
}
