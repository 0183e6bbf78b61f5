/**
 * One service over HTTP. An answer that is a refusal and an answer that never came are `CliError`s; nothing is retried
 * here, because only the caller knows whether asking again is the same question.
 */
import { CliError } from './errors';

export interface ClientOptions {
  readonly url: string;
  readonly key: string;
  /** Sent with a platform key, which names its tenant in each request. */
  readonly tenant?: string | undefined;
}

/** RFC 9457, as the services write it. */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  /** Of events that were all rejected. */
  readonly results?: readonly { readonly message?: string }[];
}

/** A batch may wait for a full disk to empty; beyond this nobody is answering. */
const REQUEST_DEADLINE_MS = 30_000;

export class Client {
  constructor(private readonly options: ClientOptions) {}

  get url(): string {
    return this.options.url;
  }

  get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = new URLSearchParams(given).toString();
    return this.request<T>(search === '' ? path : `${path}?${search}`, { method: 'GET' });
  }

  post<T>(path: string, body: unknown, contentType = 'application/json'): Promise<T> {
    return this.request<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': contentType } });
  }

  private async request<T>(path: string, init: { method: string; body?: string; headers?: Record<string, string> }): Promise<T> {
    const { url, key, tenant } = this.options;
    const headers = { ...init.headers, authorization: `Bearer ${key}`, ...(tenant !== undefined && { 'meridian-tenant': tenant }) };
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}${path}`, { ...init, headers, signal: AbortSignal.timeout(REQUEST_DEADLINE_MS) });
      text = await response.text();
    } catch (cause) {
      throw new CliError('unreachable', `${url} does not answer (${innermost(cause)})`, {
        fix: 'Check that it is running: `meridian doctor` says what is.', cause,
      });
    }
    if (response.ok) return parse(url, text) as T;
    throw refusal(url, response, text);
  }
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  // A segment of dots would be taken for a step in the path.
  return encodeURIComponent(name).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}

function parse(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('request_refused', `${url} answered something that is not JSON`, { fix: 'Check that the URL is a Meridian service.', cause });
  }
}

function refusal(url: string, response: Response, text: string): CliError {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not a problem document: the status has to speak for itself.
  }
  const said = problem.detail ?? problem.results?.[0]?.message ?? problem.title ?? response.statusText;
  const { status } = response;
  const fix =
    status === 401 ? 'Give a valid key with --key or MERIDIAN_KEY.'
    : status === 403 ? 'Use a key with that scope; the platform key in keys.json has them all.'
    : undefined;
  return new CliError('request_refused', `${url} answered ${status}: ${said}`, {
    httpStatus: status, retryAfterMs: retryAfterMs(response), ...(fix !== undefined && { fix }),
  });
}

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? 'none');
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

/** `fetch failed` says nothing: its cause does. */
function innermost(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  const { code, message } = at as { code?: string; message?: string };
  return code ?? message ?? String(at);
}
