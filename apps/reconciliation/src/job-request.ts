/** A job as it is asked for and told about. */
import { FormatRegistry } from '@sinclair/typebox';
import { Value, ValueErrorType } from '@sinclair/typebox/value';
import { hourOf, HOUR_MS, isName } from '@meridian/accounting';
import { formatTime, HttpError, parseTime } from '@meridian/http';
import type { Job, JobRequest, RerunScope } from '@meridian/pipeline';
import { hourTime } from './answers';
import { jobRequestSchema, type JobRequestJson } from './schema';

FormatRegistry.Set('date-time', (text) => parseTime(text) !== undefined);

/** Throws `body_invalid` naming the member. */
export function readJobRequest(body: unknown): JobRequest {
  const first = Value.Errors(jobRequestSchema, body).First();
  if (first) throw invalid(first.path, PROBLEMS[first.type] ?? first.message.toLowerCase());
  const { kind, scope, dryRun = false } = body as JobRequestJson;
  const { tenant, session, from, to } = scope;
  if (session !== undefined && !isName(session)) throw invalid('/scope/session', 'must be 1 to 256 bytes of well-formed Unicode without control characters');
  const read: RerunScope = {
    tenant,
    ...(session !== undefined && { session }),
    ...(from !== undefined && { from: hour('/scope/from', from) }),
    ...(to !== undefined && { to: hour('/scope/to', to) }),
  };
  return { kind, scope: read, dryRun };
}

export function jobJson(job: Job): object {
  const { scope, createdAt, updatedAt } = job;
  const { from, to, ...rest } = scope;
  return {
    ...job,
    scope: { ...rest, ...(from !== undefined && { from: hourTime(from) }), ...(to !== undefined && { to: hourTime(to) }) },
    createdAt: formatTime(createdAt),
    updatedAt: formatTime(updatedAt),
  };
}

function hour(pointer: string, value: string): number {
  const time = parseTime(value);
  if (time === undefined || time < 0 || time % HOUR_MS !== 0) throw invalid(pointer, 'must be a time of RFC 3339 on the hour, such as 2026-01-01T00:00:00Z');
  return hourOf(time);
}

const PROBLEMS: Readonly<Partial<Record<ValueErrorType, string>>> = {
  [ValueErrorType.ObjectRequiredProperty]: 'missing; send it',
  [ValueErrorType.ObjectAdditionalProperties]: 'there is no such member here; correct its name or leave it out',
  [ValueErrorType.Literal]: 'must be "resolve"',
  [ValueErrorType.StringFormat]: 'must be a time of RFC 3339 on the hour, such as 2026-01-01T00:00:00Z',
  [ValueErrorType.StringPattern]: 'must be 1 to 64 of A–Z, a–z, 0–9, "_" and "-"',
};

function invalid(pointer: string, problem: string): HttpError {
  return new HttpError('body_invalid', `${pointer === '' ? 'body' : pointer.slice(1).replaceAll('/', '.')}: ${problem}`, { pointer });
}
