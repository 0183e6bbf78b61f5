import { MeridianError } from '@meridian/accounting';

/** Codes of `HttpError`: what is wrong with a request, or why it cannot be taken now. */
export const HTTP_ERROR_CODES = [
  'unauthenticated', 'scope_missing', 'tenant_forbidden', 'tenant_required', 'tenant_invalid',
  'parameter_invalid', 'body_missing', 'body_malformed', 'body_invalid', 'member_duplicate', 'member_forbidden', 'nesting_too_deep',
  'body_too_large', 'batch_too_large', 'media_type_unsupported', 'encoding_unsupported',
  'request_malformed', 'request_timeout', 'headers_too_large', 'not_found', 'method_not_allowed',
  'tenant_busy', 'overloaded', 'draining', 'not_ready', 'internal',
] as const;
export type HttpErrorCode = (typeof HTTP_ERROR_CODES)[number];

/** Status and title of each code, and after how many seconds a retry makes sense. */
export const HTTP_ERRORS: Readonly<Record<HttpErrorCode, { readonly status: number; readonly title: string; readonly retryAfterSeconds?: number }>> = {
  unauthenticated: { status: 401, title: 'An API key is needed' },
  scope_missing: { status: 403, title: 'The API key may not do this' },
  tenant_forbidden: { status: 403, title: 'The API key belongs to another tenant' },
  tenant_required: { status: 400, title: 'A tenant must be named' },
  tenant_invalid: { status: 400, title: 'The tenant is malformed' },
  parameter_invalid: { status: 400, title: 'A parameter is malformed' },
  body_missing: { status: 400, title: 'A body is needed' },
  body_malformed: { status: 400, title: 'The body is malformed' },
  body_invalid: { status: 400, title: 'The body is not what is asked for here' },
  member_duplicate: { status: 400, title: 'A member occurs twice' },
  member_forbidden: { status: 400, title: 'A member has a forbidden name' },
  nesting_too_deep: { status: 400, title: 'The body is nested too deep' },
  body_too_large: { status: 413, title: 'The body is too large' },
  batch_too_large: { status: 413, title: 'The batch holds too many events' },
  media_type_unsupported: { status: 415, title: 'The content type is not supported' },
  encoding_unsupported: { status: 415, title: 'The content encoding is not supported' },
  request_malformed: { status: 400, title: 'The request is malformed' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  tenant_busy: { status: 429, title: 'Too many requests of this tenant at once', retryAfterSeconds: 1 },
  overloaded: { status: 503, title: 'Too many requests at once', retryAfterSeconds: 1 },
  draining: { status: 503, title: 'The service is stopping', retryAfterSeconds: 1 },
  not_ready: { status: 503, title: 'The service is not ready', retryAfterSeconds: 1 },
  internal: { status: 500, title: 'A defect of ours' },
};

export interface HttpErrorOptions {
  readonly cause?: unknown;
  /** JSON pointer to the member of the body that is wrong. */
  readonly pointer?: string;
  /** Name of the path or query parameter that is wrong. */
  readonly parameter?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is not answered as asked. The message is for the caller: what is wrong, why, what to do. */
export class HttpError extends MeridianError {
  declare readonly code: HttpErrorCode;

  readonly options: HttpErrorOptions;

  constructor(code: HttpErrorCode, message: string, options: HttpErrorOptions = {}) {
    super(code, message, HTTP_ERRORS[code].retryAfterSeconds !== undefined, options);
    this.options = options;
  }
}

/** Codes of `ConfigError`. */
export const CONFIG_ERROR_CODES = ['config_invalid'] as const;

/** The configuration cannot be used; `issues` names every variable that is wrong, why, and what to do. */
export class ConfigError extends MeridianError {
  declare readonly code: (typeof CONFIG_ERROR_CODES)[number];

  constructor(readonly issues: readonly string[]) {
    super('config_invalid', `the configuration cannot be used:\n${issues.map((issue) => `  ${issue}`).join('\n')}`, false);
  }
}
