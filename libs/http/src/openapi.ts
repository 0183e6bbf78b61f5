/** OpenAPI 3.1 from the schemas that the code itself works by; what all our services share stands here. */
import { HTTP_ERRORS } from './errors';
import { PROBLEM_TYPE } from './problem';

type Json = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly method: 'get' | 'post';
  /** With parameters in braces. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Scopes of the key, any of which will do. */
  readonly scopes: readonly string[];
  readonly parameters?: readonly Parameter[];
  /** Schemas of the body by content type. */
  readonly body?: Readonly<Record<string, object>>;
  /** By status. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema: object }>>;
  /** Statuses it answers with problem+json, beside 401, 403, 500 and 503. */
  readonly problems?: readonly number[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly schema: object;
  readonly required?: boolean;
}

const PROBLEMS_ALWAYS = [401, 403, 500, 503];

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', description: 'urn:meridian:problem:<code>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'what is wrong, why, and what to do' },
    code: { type: 'string', description: 'stable name of the problem', examples: Object.keys(HTTP_ERRORS) },
    pointer: { type: 'string', description: 'JSON pointer into the body' },
    parameter: { type: 'string', description: 'name of the parameter' },
  },
};

export function openApiDocument({ title, description, operations }: { readonly title: string; readonly description: string; readonly operations: readonly Operation[] }): object {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = operationJson(operation);
  return {
    openapi: '3.1.0',
    info: { title, description, version: '1' },
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'mk_<id>_<secret>; a platform key also names the tenant, in the path or the header Meridian-Tenant' } },
    },
  };
}

function operationJson({ summary, description, scopes, parameters = [], body, answers, problems = [] }: Operation): Json {
  const statuses = [...new Set([...problems, ...PROBLEMS_ALWAYS])].sort((a, b) => a - b);
  const problem = { content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } };
  return {
    summary,
    ...(description !== undefined && { description }),
    security: [{ apiKey: [...scopes] }],
    parameters: parameters.map(({ required = false, ...parameter }) => ({ ...parameter, required: required || parameter.in === 'path', schema: plain(parameter.schema) })),
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses: {
      ...Object.fromEntries(statuses.map((status) => [status, { description: 'see detail and code', ...problem }])),
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, { description: answer.description, content: content({ 'application/json': answer.schema }) }])),
    },
  };
}

function content(schemas: Readonly<Record<string, object>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema: plain(schema) }]));
}

/** The schema as JSON: without the marks of its builder, our own keyword for text told in words others know. */
function plain(schema: object): unknown {
  return JSON.parse(JSON.stringify(schema), (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('x-text' in value)) return value;
    const { 'x-text': rule, ...rest } = value as { readonly 'x-text': { readonly bytesMax: number; readonly isRequired: boolean } };
    return { ...rest, ...(rule.isRequired && { minLength: 1 }), maxLength: rule.bytesMax };
  });
}
