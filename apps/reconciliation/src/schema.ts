/** Shapes of what this API takes and gives, once: requests are checked by them, OpenAPI shows them. */
import { Type, type TSchema } from '@sinclair/typebox';
import { BUCKETS, NAME_PATTERN } from '@meridian/accounting';

const time = (description: string) => Type.String({ format: 'date-time', description });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const decimal = Type.String({ pattern: '^\\d+$', description: 'a whole number of any size, as a decimal string' });
const tokens = Type.Object(Object.fromEntries(BUCKETS.map((bucket) => [bucket, Type.Optional(decimal)])), {
  additionalProperties: false, description: 'by bucket; a bucket that no event reported is absent',
});
const sums = { tokens, total: decimal };
const claim = {
  status: Type.Union(['provisional', 'final', 'closed', 'adjusted'].map((status) => Type.Literal(status)), {
    description: 'final: everything accepted below the cut is counted, exactly once; never by elapsed time',
  }),
  cut: count('number of the cut the answer is at'),
  asOf: orNull(time('everything acknowledged before this moment is below the cut')),
  reasons: Type.Array(Type.Object({ code: Type.String() }, { additionalProperties: true }), {
    description: 'why it is not final (replication_lag, region_unreachable, not_folded, no_cut), and conflicts',
  }),
};
const position = Type.Object({ log: Type.String(), offset: count('in the log') });

export const tenantParameter = Type.String({ pattern: NAME_PATTERN.source });

export const sessionSchema = Type.Object({
  tenant: Type.String(),
  session: Type.String(),
  ...sums,
  events: count('events counted'),
  byRegion: Type.Array(Type.Object({ region: Type.String(), events: count('of it'), ...sums })),
  byModel: Type.Array(Type.Object({ provider: Type.String(), model: Type.String(), events: count('of it'), ...sums })),
  duplicates: count('entries of another log that repeat a counted one'),
  conflicts: count('entries with the identity of a counted one and other content'),
  voided: count('entries taken out by a void'),
  streams: count('streams with an entry of the session'),
  ...claim,
  live: Type.Optional(
    Type.Object({ estimate: Type.Literal(true), events: count('counted beyond the cut as well'), ...sums }, { description: 'what this replica holds, cut or not: never to be billed' }),
  ),
});

const standingSchema = Type.Object({
  identity: Type.String({ description: '128 bits, hexadecimal' }),
  region: Type.String(),
  log: Type.String(),
  stream: Type.String(),
  offset: count('in the log'),
  time: time('of the event'),
  kind: Type.Union([Type.Literal('usage'), Type.Literal('void')]),
  provider: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  tier: Type.Optional(Type.String()),
  inferenceRegion: Type.Optional(Type.String()),
  counted: Type.Optional(Type.Union([Type.Literal('reported'), Type.Literal('estimated')])),
  tokens: Type.Optional(tokens),
  target: Type.Optional(Type.String({ description: 'identity a void names' })),
  reason: Type.Optional(Type.String()),
  outcome: Type.Union(['counted', 'duplicate', 'conflict', 'voided', 'void'].map((outcome) => Type.Literal(outcome))),
  duplicateOf: Type.Optional(position),
  conflictsWith: Type.Optional(position),
  voidedBy: Type.Optional(Type.Array(position)),
});

export const explainSchema = Type.Object({ tenant: Type.String(), session: Type.String(), ...claim, entries: Type.Array(standingSchema) });

export const sessionListSchema = Type.Object({
  tenant: Type.String(),
  period: Type.String(),
  ...claim,
  sessions: Type.Array(
    Type.Object({
      session: Type.String(), ...sums, events: count('of the session, dated in the period'),
      duplicates: count('of the whole session'), conflicts: count('of the whole session'), streams: count('of the whole session'),
    }),
  ),
  next: Type.Union([Type.String({ description: 'cursor of the next page' }), Type.Null()]),
});

export const usageSchema = Type.Object({
  tenant: Type.String(),
  from: time('inclusive'),
  to: time('exclusive'),
  by: Type.Union([Type.Literal('hour'), Type.Literal('day')]),
  group: Type.Array(Type.String()),
  ...claim,
  lines: Type.Array(
    Type.Object(
      { start: time('of the hour or day'), events: Type.Integer(), duplicates: Type.Integer({ description: 'records that repeated an event and were not counted' }), ...sums },
      { additionalProperties: Type.String({ description: 'the dimensions asked for' }) },
    ),
  ),
});

export const coverageSchema = Type.Object({
  ...claim,
  logs: Type.Array(
    Type.Object({
      log: Type.String(),
      region: Type.String(),
      end: orNull(count('offset at which the log ends, by the newest sample known here')),
      folded: count('offset up to which this replica has seen manifests'),
      reached: count('offset up to which this replica has all that the manifests list'),
      cut: count('offset in the cut'),
      behind: count('end − cut'),
      since: orNull(time('when the log was last known to be complete in a cut')),
      counts: Type.Object({ entries: count('first occurrences'), duplicates: count('repeats within the log'), quarantined: count('put aside with a reason') }),
    }),
  ),
});

export const jobRequestSchema = Type.Object(
  {
    kind: Type.Literal('resolve', { description: 'recompute the derived rows of a scope from the evidence, and restore those that differ' }),
    scope: Type.Object(
      {
        tenant: Type.String({ pattern: NAME_PATTERN.source, description: 'the tenant' }),
        session: Type.Optional(Type.String({ minLength: 1, description: 'only this session' })),
        from: Type.Optional(time('only from this hour on')),
        to: Type.Optional(time('only before this hour')),
      },
      { additionalProperties: false },
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'only name what differs' })),
  },
  { additionalProperties: false },
);

export const jobSchema = Type.Object({
  id: Type.String(),
  kind: Type.Literal('resolve'),
  region: Type.String({ description: 'whose derived rows it is about' }),
  scope: jobRequestSchema.properties.scope,
  dryRun: Type.Boolean(),
  state: Type.Union(['queued', 'running', 'succeeded', 'failed'].map((state) => Type.Literal(state))),
  createdAt: time('when it was asked for'),
  updatedAt: time('when it last said something'),
  progress: Type.Optional(Type.Object({ phase: Type.String(), done: count('sessions'), total: count('sessions') })),
  result: Type.Optional(
    Type.Object({
      cut: count('the rows were compared at'),
      sessions: count('recomputed'),
      rows: count('compared'),
      changes: count('rows that differed: restored, unless it was a dry run'),
      differences: Type.Array(
        Type.Object({
          row: Type.Union(['U', 'V', 'T'].map((row) => Type.Literal(row))),
          pk: Type.String(), sk: Type.String(),
          problem: Type.Union(['missing', 'extra', 'wrong', 'corrupt'].map((problem) => Type.Literal(problem))),
          stored: Type.Unknown(), expected: Type.Unknown(),
        }),
      ),
    }),
  ),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
});

const regionName = (description: string) => Type.String({ pattern: NAME_PATTERN.source, description });

export const takeoverSchema = Type.Object(
  { region: regionName('whose live logs are handed over'), writer: regionName('the region that folds them from now on') },
  { additionalProperties: false },
);

const why = Type.String({ minLength: 1, maxLength: 256, description: 'why, for the record' });

export const retirementSchema = Type.Object(
  {
    region: regionName('whose live logs are given up at the newest cut'),
    lineage: Type.Optional(Type.Integer({ minimum: 0, description: 'of the logs; needed when the region has live logs of several' })),
    reason: why,
  },
  { additionalProperties: false },
);

export const lineageSchema = Type.Object({ region: regionName('whose live logs are given up where they were folded to'), reason: why }, { additionalProperties: false });

export const handedOverSchema = Type.Object({ logs: Type.Array(Type.Object({ log: Type.String(), offset: count('from which it is so') })) });

const retired = Type.Object({ offset: count('from which nothing of it counts'), by: Type.String(), reason: Type.String(), at: time('when') });

export const registrySchema = Type.Object({
  logs: Type.Array(
    Type.Object({
      log: Type.String(), region: Type.String(), cluster: Type.String(), topic: Type.String(),
      writer: Type.String({ description: 'the region that folds it, by the newest cut' }),
      retired: orNull(retired),
    }),
  ),
});
