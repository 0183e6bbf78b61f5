/**
 * Fastify under Nest, with one way to answer errors: whoever notices (Node's parser, Fastify, a hook, a controller),
 * the answer is problem+json. Replaces Nest's own handlers for unknown routes and for errors outside controllers.
 */
import type { Socket } from 'node:net';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { HttpError } from './errors';
import { HTTP_LOG_EVENTS } from './log-events';
import { PROBLEM_TYPE, toProblem } from './problem';

/** Percent-encoded, a session of 256 bytes takes up to 768. */
const PARAM_LENGTH_MAX = 1_024;
/** A whole request must have arrived by then. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the idle time of usual load balancers (60 s): they close first, never we under their next request. */
const KEEP_ALIVE_MS = 72_000;

type Answer = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

export class ProblemAdapter extends FastifyAdapter {
  private readonly routes: { readonly method: string; readonly pattern: RegExp }[] = [];
  readonly answer: Answer;

  constructor(logger: Logger) {
    const answer: Answer = (error, request, reply) => answerProblem(logger, { error, request, reply });
    super({
      logger: false,
      skipMiddie: true,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      forceCloseConnections: 'idle',
      return503OnClosing: false,
      routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
      frameworkErrors: answer,
      clientErrorHandler: (error: Error, socket: Socket) => answerSocket(error, socket),
    });
    this.answer = answer;
    this.fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) this.routes.push({ method: one, pattern: patternOf(url) });
    });
  }

  get fastify(): FastifyInstance {
    return this.instance;
  }

  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.instance.setErrorHandler((error, request, reply) => this.answer(error, request, reply));
  }

  override setNotFoundHandler(): ReturnType<FastifyAdapter['setNotFoundHandler']> {
    return this.instance.setNotFoundHandler((request, reply) => this.answer(this.notFound(request), request, reply));
  }

  private notFound({ url, method }: FastifyRequest): HttpError {
    const path = url.split('?', 1)[0] as string;
    const allowed = new Set(this.routes.filter(({ pattern }) => pattern.test(path)).map((route) => route.method));
    if (allowed.size === 0 || allowed.has(method)) return new HttpError('not_found', 'no such path: /docs/json lists those there are');
    const allow = [...allowed].sort().join(', ');
    return new HttpError('method_not_allowed', `${method} is not allowed here: use ${allow}`, { headers: { allow } });
  }
}

/** Answers what controllers throw. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly answer: Answer) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

function answerProblem(logger: Logger, { error, request, reply }: { readonly error: unknown; readonly request: FastifyRequest; readonly reply: FastifyReply }): void {
  const { problem, headers, isDefect } = toProblem(error);
  const line = { event: HTTP_LOG_EVENTS.refused, method: request.method, route: request.routeOptions.url, status: problem.status, code: problem.code };
  if (isDefect) logger.error({ ...line, err: error });
  else if (problem.status >= 500) logger.warn(line);
  else logger.debug(line);
  if (reply.sent) return;
  // What is left of a body that was refused unread is not waited for.
  if (problem.status === 413 || problem.status === 503 || problem.status === 401) void reply.header('connection', 'close');
  void reply.code(problem.status).headers(headers).type(PROBLEM_TYPE).send(Buffer.from(JSON.stringify(problem)));
}

/** For requests that Node could not even parse: there is no reply object, only the socket. */
function answerSocket(error: Error, socket: Socket): void {
  if (socket.destroyed || !socket.writable) return;
  const { problem } = toProblem(Object.assign(new Error('the request is not HTTP/1.1 as we understand it'), { code: (error as NodeJS.ErrnoException).code, statusCode: 400 }));
  const body = JSON.stringify(problem);
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}

/** `/a/:b/c` as a pattern for paths. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}/?$`);
}
