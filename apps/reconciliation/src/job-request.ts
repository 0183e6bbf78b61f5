/** A job as it is asked for and told about. */
import { hourOf, HOUR_MS, isName } from '@meridian/accounting';
import { formatTime, parseTime } from '@meridian/http';
import type { Job, JobRequest, RerunScope } from '@meridian/pipeline';
import { hourTime } from './answers';
import { invalid, readBody } from './request-body';
import { jobRequestSchema } from './schema';

/** Throws `body_invalid` naming the member. */
export function readJobRequest(body: unknown): JobRequest {
  const { kind, scope, dryRun = false } = readBody(jobRequestSchema, body);
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
