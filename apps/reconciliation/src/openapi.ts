/** The API of reconciliation, for `/docs/json`. */
import { Type } from '@sinclair/typebox';
import { openApiDocument, type Parameter } from '@meridian/http';
import { USAGE_GROUPS } from '@meridian/pipeline';
import {
  coverageSchema, explainSchema, handedOverSchema, jobRequestSchema, jobSchema, lineageSchema, registrySchema, retirementSchema, sessionListSchema, sessionSchema, takeoverSchema,
  tenantParameter, usageSchema,
} from './schema';

const tenant: Parameter = { name: 'tenant', in: 'path', description: 'the tenant', schema: tenantParameter };
const session: Parameter = { name: 'session', in: 'path', description: 'the session, percent-encoded', schema: Type.String() };
const query = (name: string, description: string, schema: object, required = false): Parameter => ({ name, in: 'query', description, schema, required });
const time = Type.String({ format: 'date-time' });

export const openApi = openApiDocument({
  title: 'Meridian reconciliation',
  description: 'Totals, and how final they are: every answer names its cut and its status. Tokens are decimal strings, ranges are half-open, times are UTC.',
  operations: [
    {
      method: 'get', path: '/v1/tenants/{tenant}/sessions', summary: 'Sessions with an event dated in a month', scopes: ['read'],
      parameters: [
        tenant,
        query('period', 'month as YYYY-MM; this one when left out', Type.String()),
        query('limit', 'sessions per page', Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        query('cursor', '"next" of the page before', Type.String()),
      ],
      answers: { 200: { description: 'a page, in no particular but stable order', schema: sessionListSchema } },
      problems: [400],
    },
    {
      method: 'get', path: '/v1/tenants/{tenant}/sessions/{session}', summary: 'The total of a session', scopes: ['read'],
      parameters: [tenant, session, query('live', 'adds an estimate beyond the cut', Type.Boolean({ default: false }))],
      answers: { 200: { description: 'its total', schema: sessionSchema } },
      problems: [400, 404],
    },
    {
      method: 'get', path: '/v1/tenants/{tenant}/sessions/{session}/explain', summary: 'Every entry of a session, and what became of it', scopes: ['read'],
      parameters: [tenant, session],
      answers: { 200: { description: 'its entries, by identity', schema: explainSchema } },
      problems: [400, 404],
    },
    {
      method: 'get', path: '/v1/tenants/{tenant}/usage', summary: 'Usage by hour or day', scopes: ['read'],
      parameters: [
        tenant,
        query('from', 'inclusive, on the hour (by=day: at midnight)', time, true),
        query('to', 'exclusive, likewise', time, true),
        query('by', 'unit of time', Type.Union([Type.Literal('hour'), Type.Literal('day')], { default: 'hour' })),
        query('group', `dimensions, separated by commas: ${USAGE_GROUPS.join(', ')}`, Type.String()),
      ],
      answers: { 200: { description: 'its usage', schema: usageSchema } },
      problems: [400],
    },
    {
      method: 'get', path: '/v1/coverage', summary: 'Where every log stands, as this region sees it', scopes: ['read', 'ops'],
      answers: { 200: { description: 'all logs', schema: coverageSchema } },
      problems: [400],
    },
    {
      method: 'post', path: '/v1/jobs', summary: 'Rerun reconciliation for a scope', scopes: ['ops'],
      body: { 'application/json': jobRequestSchema },
      answers: { 202: { description: 'on record and in the queue; Location names it', schema: jobSchema } },
      problems: [400, 413, 415],
    },
    {
      method: 'get', path: '/v1/jobs/{id}', summary: 'A job, its progress and result', scopes: ['ops'],
      parameters: [{ name: 'id', in: 'path', description: 'of the job', schema: Type.String() }],
      answers: { 200: { description: 'the job', schema: jobSchema } },
      problems: [404],
    },
    {
      method: 'get', path: '/v1/logs', summary: 'Every log ever registered, who folds it, and whether it was given up', scopes: ['read', 'ops'],
      answers: { 200: { description: 'all logs', schema: registrySchema } },
      problems: [],
    },
    {
      method: 'post', path: '/v1/logs/takeover', summary: 'Hand the logs of a region to another writer, or back; a key of the platform', scopes: ['ops'],
      body: { 'application/json': takeoverSchema },
      answers: { 200: { description: 'those that were handed over; the writer\'s aggregators fold them from the cut that says so', schema: handedOverSchema } },
      problems: [400, 404, 413, 415],
    },
    {
      method: 'post', path: '/v1/logs/retire', summary: 'Give up the logs of a region, for good; a key of the platform', scopes: ['ops'],
      body: { 'application/json': retirementSchema },
      answers: { 200: { description: 'those that were given up, and from where: services do not start on a topic that was', schema: handedOverSchema } },
      problems: [400, 404, 413, 415],
    },
    {
      method: 'post', path: '/v1/logs/new-lineage', summary: 'Begin anew with a topic whose offsets have started over; a key of the platform', scopes: ['ops'],
      body: { 'application/json': lineageSchema },
      answers: { 200: { description: 'those that are given up, and up to where they count: the next start of a service of the region registers others, from where the topic begins then', schema: handedOverSchema } },
      problems: [400, 404, 413, 415],
    },
  ],
});
