/** Errors as problem+json (RFC 9457): one shape for every answer that is not what was asked for, whoever noticed. */
import { MeridianError } from '@meridian/accounting';
import { HTTP_ERRORS, HttpError, type HttpErrorCode } from './errors';

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem {
  /** `urn:meridian:problem:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** JSON pointer into the body. */
  readonly pointer?: string;
  /** Path or query parameter. */
  readonly parameter?: string;
}

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** A defect of ours: it must be logged, and its text stays here. */
  readonly isDefect: boolean;
}

interface Foreign {
  readonly status: number;
  readonly title: string;
  readonly retryAfterSeconds?: number;
  /** The error's own message when not given. */
  readonly detail?: string;
}

const NOT_ACKNOWLEDGED = 'nothing was acknowledged; send again, here or in another region';
const LEDGER_DETAIL = 'the ledger of this region does not answer now; try again';

/** Operating errors of the ports and the pipeline, by code. Their messages may name machines and paths: most stay here. */
const FOREIGN: Readonly<Record<string, Foreign>> = {
  log_unavailable: { status: 503, title: 'The log is unavailable', retryAfterSeconds: 1, detail: `the log of this region did not confirm: ${NOT_ACKNOWLEDGED}` },
  log_full: { status: 503, title: 'The log is full', retryAfterSeconds: 30, detail: `the log of this region has no room: ${NOT_ACKNOWLEDGED}` },
  log_replaced: { status: 503, title: 'The log is another one', retryAfterSeconds: 30, detail: `this service needs a restart: ${NOT_ACKNOWLEDGED}` },
  log_closed: { status: 503, title: 'The log is closed', retryAfterSeconds: 1, detail: `this service is stopping: ${NOT_ACKNOWLEDGED}` },
  ledger_unavailable: { status: 503, title: 'The ledger is unavailable', retryAfterSeconds: 1, detail: LEDGER_DETAIL },
  ledger_throttled: { status: 503, title: 'The ledger is throttled', retryAfterSeconds: 1, detail: LEDGER_DETAIL },
  ledger_ambiguous: { status: 503, title: 'The ledger did not confirm', retryAfterSeconds: 1, detail: LEDGER_DETAIL },
  ledger_closed: { status: 503, title: 'The ledger is closed', retryAfterSeconds: 1, detail: 'this service is stopping; try again' },
  resolving: { status: 503, title: 'The rows keep moving', retryAfterSeconds: 1 },
  contended: { status: 503, title: 'Too much at once', retryAfterSeconds: 2 },
  unknown_job: { status: 404, title: 'There is no such job' },
  scope_invalid: { status: 400, title: 'The scope is not one' },
  unknown_log: { status: 404, title: 'There is no such log' },
};

const DEFECT_DETAIL = 'the request was not carried out because of a defect of ours; it is in our logs';

export function toProblem(error: unknown): ProblemAnswer {
  if (error instanceof HttpError) return ofHttpError(error);
  if (error instanceof MeridianError) {
    const foreign = FOREIGN[error.code];
    if (foreign) {
      const { status, title, retryAfterSeconds, detail = error.message } = foreign;
      return { problem: problemOf(error.code, { status, title }, detail), headers: retryAfter(retryAfterSeconds), isDefect: false };
    }
  }
  const code = ofFastify(error);
  if (code) return ofHttpError(new HttpError(code, (error as Error).message));
  return { problem: problemOf('internal', HTTP_ERRORS.internal, DEFECT_DETAIL), headers: {}, isDefect: true };
}

function ofHttpError({ code, message, options }: HttpError): ProblemAnswer {
  const about = HTTP_ERRORS[code];
  const { pointer, parameter, headers } = options;
  const isDefect = code === 'internal';
  const problem = { ...problemOf(code, about, isDefect ? DEFECT_DETAIL : message), ...(pointer !== undefined && { pointer }), ...(parameter !== undefined && { parameter }) };
  return { problem, headers: { ...retryAfter(about.retryAfterSeconds), ...headers }, isDefect };
}

function problemOf(code: string, { status, title }: { readonly status: number; readonly title: string }, detail: string): Problem {
  return { type: `urn:meridian:problem:${code}`, title, status, detail, code };
}

function retryAfter(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { 'retry-after': String(seconds) };
}

/** What Fastify and Node notice before our code runs, by their codes. */
const BY_CODE: Readonly<Record<string, HttpErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request_malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body_missing',
  FST_ERR_BAD_URL: 'request_malformed',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

const BY_STATUS: Readonly<Record<number, HttpErrorCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'media_type_unsupported',
  431: 'headers_too_large',
};

/** The code for an error of the framework that is the caller's doing; undefined for anything else. */
function ofFastify(error: unknown): HttpErrorCode | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as Error & { readonly code?: unknown; readonly statusCode?: unknown };
  const known = typeof code === 'string' ? BY_CODE[code] : undefined;
  if (known) return known;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return undefined;
  return BY_STATUS[statusCode] ?? 'request_malformed';
}
