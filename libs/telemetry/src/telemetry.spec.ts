import { ROOT_CONTEXT } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import type { LogId } from '@meridian/accounting';
import type { Flushed, Reached } from '@meridian/pipeline';
import { COUNTERS, GAUGES, HISTOGRAMS } from './names';
import { startTelemetry, type Telemetry } from './telemetry';
import { extractTrace, injectTrace, linksTo } from './tracing';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

const FLUSHED: Flushed = {
  log: 'eu.0.0' as LogId, records: 10, entries: 7, duplicates: 2, conflicts: 1, quarantined: 1, deltas: 3, bytes: 400, durationMs: 5, ageMs: 1_500,
  traces: [{ traceparent: TRACEPARENT }, { traceparent: TRACEPARENT }, { traceparent: UNSAMPLED }, { traceparent: 'nonsense' }, {}],
};

const REACHED: Reached = { k: 8, asOf: 0, lagging: 0, reachedAsOf: 0, waitingFor: 0, writers: [] };

interface Started {
  readonly telemetry: Telemetry;
  readonly lines: Record<string, unknown>[];
}

function start(env: Readonly<Record<string, string>> = { LOG_LEVEL: 'trace' }, traceTo?: InMemorySpanExporter): Started {
  const lines: Record<string, unknown>[] = [];
  const logTo = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { telemetry: startTelemetry({ serviceName: 'test', env, logTo, ...(traceTo && { traceTo }) }), lines };
}

describe('a probe', () => {
  it('counts and measures by region and log, and says each batch in one line', async () => {
    const { telemetry, lines } = start();
    telemetry.probe('eu').flushed(FLUSHED);
    telemetry.probe('us').accepted({ events: 3, durationMs: 20 });
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_fold_records_total\{region="eu",log="eu\.0\.0"[^}]*\} 10$/m);
    expect(text).toMatch(/^meridian_fold_duplicates_total\{region="eu"[^}]*\} 2$/m);
    expect(text).toMatch(/^meridian_fold_write_bytes_total\{region="eu"[^}]*\} 400$/m);
    expect(text).toMatch(/^meridian_fold_age_seconds_bucket\{region="eu"[^}]*le="1"[^}]*\} 0$/m);
    expect(text).toMatch(/^meridian_fold_age_seconds_bucket\{region="eu"[^}]*le="2\.5"[^}]*\} 1$/m);
    expect(text).toMatch(/^meridian_accept_events_total\{region="us"[^}]*\} 3$/m);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', service: 'test', region: 'eu', event: 'fold_flushed', records: 10, conflicts: 1 }),
      expect.objectContaining({ level: 'debug', region: 'us', event: 'events_accepted', events: 3 }),
    ]);
    expect(lines[0]).not.toHaveProperty('traces');
    await telemetry.shutdown();
  });

  it('has gauges of what was told last, and none before anything was told', async () => {
    const { telemetry } = start();
    const probe = telemetry.probe('eu');
    expect(telemetry.probe('eu')).toBe(probe);
    expect(await telemetry.metrics()).not.toMatch(/meridian_cut/);
    probe.reached({ ...REACHED, k: 7, waitingFor: 2 });
    probe.reached({ ...REACHED, asOf: Date.now() - 60_000, reachedAsOf: Date.now() - 90_000 });
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_cut_number\{region="eu"[^}]*\} 8$/m);
    expect(text).toMatch(/^meridian_cut_age_seconds\{region="eu"[^}]*\} 60(\.\d+)?$/m);
    expect(text).toMatch(/^meridian_reach_waiting_streams\{region="eu"[^}]*\} 0$/m);
    expect(text).toMatch(/^meridian_reach_cut_age_seconds\{region="eu"[^}]*\} 90(\.\d+)?$/m);
    await telemetry.shutdown();
  });

  it('tells how far each log is behind for as long as it is told, and not a moment longer', async () => {
    const { telemetry } = start();
    const probe = telemetry.probe('eu');
    const at = { records: 0, oldest: undefined, isStopped: false };
    probe.behind([{ ...at, log: 'eu.0.0' as LogId, records: 5, oldest: Date.now() - 60_000, isStopped: true }, { ...at, log: 'eu.0.1' as LogId }]);
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_fold_lag_records\{region="eu",log="eu\.0\.0"[^}]*\} 5$/m);
    expect(text).toMatch(/^meridian_fold_lag_seconds\{region="eu",log="eu\.0\.0"[^}]*\} 60(\.\d+)?$/m);
    expect(text).toMatch(/^meridian_fold_lag_seconds\{region="eu",log="eu\.0\.1"[^}]*\} 0$/m);
    expect(text.match(/^meridian_fold_stopped\{.*\d$/gm)?.map((line) => line.slice(-1))).toEqual(['1', '0']);
    probe.behind([{ ...at, log: 'eu.0.1' as LogId }]);
    expect(await telemetry.metrics()).not.toContain('log="eu.0.0"');
    await telemetry.shutdown();
  });

  it('tells what has not replicated by the region that wrote it', async () => {
    const { telemetry } = start();
    const probe = telemetry.probe('eu');
    probe.reached({ ...REACHED, writers: [{ writer: 'us', missing: 3, since: Date.now() - 7_000 }, { writer: 'eu', missing: 0, since: undefined }] });
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_reach_missing_rows\{region="eu",writer="us"[^}]*\} 3$/m);
    expect(text).toMatch(/^meridian_reach_lag_seconds\{region="eu",writer="us"[^}]*\} 7(\.\d+)?$/m);
    expect(text).toMatch(/^meridian_reach_lag_seconds\{region="eu",writer="eu"[^}]*\} 0$/m);
    await telemetry.shutdown();
  });

  it('counts what writes to the ledger cost by table and kind of row, refused ones apart', async () => {
    const { telemetry } = start();
    const tell = telemetry.ledgerWrites('eu', 'ledger');
    for (const units of [1, 2]) tell({ kind: 'S', units, isRefused: false });
    tell({ kind: 'S', units: 4, isRefused: true });
    telemetry.ledgerWrites('eu', 'control')({ kind: 'CUT', units: 1, isRefused: false });
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_ledger_write_units_total\{region="eu",table="ledger",kind="S",refused="false"[^}]*\} 3$/m);
    expect(text).toMatch(/^meridian_ledger_write_units_total\{region="eu",table="ledger",kind="S",refused="true"[^}]*\} 4$/m);
    expect(text).toMatch(/^meridian_ledger_write_units_total\{region="eu",table="control",kind="CUT",refused="false"[^}]*\} 1$/m);
    await telemetry.shutdown();
  });

  it('tells retries and alarms by their codes', async () => {
    const { telemetry, lines } = start();
    const probe = telemetry.probe('eu');
    probe.retrying({ what: 'fold', error: Object.assign(new Error('refused'), { code: 'ledger_throttled' }), afterMs: 50 });
    probe.alarm({ code: 'log_gap', log: 'eu.0.0' as LogId, message: 'records are gone' });
    const text = await telemetry.metrics();
    expect(text).toMatch(/^meridian_retries_total\{region="eu",loop="fold",code="ledger_throttled"[^}]*\} 1$/m);
    expect(text).toMatch(/^meridian_alarms_total\{region="eu",code="log_gap",log="eu\.0\.0"[^}]*\} 1$/m);
    expect(lines.map(({ level, event, code }) => [level, event, code])).toEqual([['warn', 'retrying', 'ledger_throttled'], ['error', 'alarm', 'log_gap']]);
    await telemetry.shutdown();
  });
});

describe('names of metrics', () => {
  it('end in their unit, begin with the project, and are unique', () => {
    const all = [...Object.values(COUNTERS), ...Object.values(HISTOGRAMS), ...Object.values(GAUGES)];
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, unit } of all) {
      expect(name).toMatch(/^meridian_[a-z_]+$/);
      if (unit === 's') expect(name).toMatch(/_seconds$/);
      if (unit === 'By') expect(name).toMatch(/_bytes$/);
    }
  });
});

describe('trace context', () => {
  it('goes into record headers and comes out again', () => {
    const headers = { traceparent: TRACEPARENT, tracestate: 'a=b' };
    expect(injectTrace(extractTrace(headers))).toEqual(headers);
    expect(injectTrace(extractTrace({ traceparent: 'nonsense' }))).toBeUndefined();
    expect(injectTrace(ROOT_CONTEXT)).toBeUndefined();
  });

  it('is linked to once, and only when sampled', () => {
    expect(linksTo(FLUSHED.traces)).toEqual([{ context: expect.objectContaining({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }) as unknown }]);
  });

  it('runs from the request through the record to the fold that links back to it', async () => {
    const traceTo = new InMemorySpanExporter();
    const { telemetry, lines } = start({ LOG_LEVEL: 'info' }, traceTo);
    const carried = await telemetry.inRequestSpan({ name: 'accept', region: 'eu', headers: { traceparent: TRACEPARENT } }, async (headers) => {
      telemetry.logger.info({ event: 'within' });
      return headers;
    });
    telemetry.probe('eu').flushed({ ...FLUSHED, traces: [carried!] });
    const [accept, fold] = traceTo.getFinishedSpans();
    const { traceId, spanId } = accept!.spanContext();
    expect(accept).toMatchObject({ name: 'accept', parentSpanContext: { spanId: 'b7ad6b7169203331' }, attributes: { region: 'eu' } });
    expect(carried).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
    expect(lines[0]).toMatchObject({ trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: spanId });
    expect(fold).toMatchObject({ name: 'fold', links: [{ context: { traceId, spanId } }], attributes: { region: 'eu', log: 'eu.0.0', records: 10 } });
    await telemetry.shutdown();
  });

  it('leads to no fold that nobody records', async () => {
    const traceTo = new InMemorySpanExporter();
    const { telemetry } = start({ LOG_LEVEL: 'silent' }, traceTo);
    telemetry.probe('eu').flushed({ ...FLUSHED, traces: [] });
    telemetry.probe('eu').flushed({ ...FLUSHED, traces: [{ traceparent: UNSAMPLED }] });
    expect(traceTo.getFinishedSpans()).toEqual([]);
    await telemetry.shutdown();
  });

  it.each([
    [{}, { traceparent: UNSAMPLED }, 0],
    [{}, {}, 1],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, {}, 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, { traceparent: TRACEPARENT }, 1],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, { traceparent: TRACEPARENT }, 0],
    [{ OTEL_TRACES_SAMPLER: 'always_on' }, { traceparent: UNSAMPLED }, 1],
  ] as const)('is recorded as the variables %j and the caller %j say, the fold with its request', async (env, headers, recorded) => {
    const traceTo = new InMemorySpanExporter();
    const { telemetry } = start({ LOG_LEVEL: 'silent', ...env }, traceTo);
    const carried = await telemetry.inRequestSpan({ name: 'accept', region: 'eu', headers }, async (given) => given);
    telemetry.probe('eu').flushed({ ...FLUSHED, traces: [carried!] });
    expect(traceTo.getFinishedSpans().map(({ name }) => name)).toEqual(['accept', 'fold'].slice(0, 2 * recorded));
    await telemetry.shutdown();
  });

  it('is passed on without a span of ours when nothing is exported', async () => {
    const { telemetry } = start();
    const carried = (headers: Record<string, string>): Promise<unknown> => telemetry.inRequestSpan({ name: 'accept', region: 'eu', headers }, async (given) => given);
    expect(await carried({ traceparent: TRACEPARENT })).toEqual({ traceparent: TRACEPARENT });
    expect(await carried({})).toBeUndefined();
    await telemetry.shutdown();
  });
});
