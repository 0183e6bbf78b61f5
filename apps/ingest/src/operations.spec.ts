import { Harness, usage } from './harness';

describe('operations', () => {
  it('are open to machines without a key', async () => {
    const harness = await Harness.start();
    await harness.batch(usage());
    expect(await harness.fetch('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await harness.fetch('/health/ready')).toMatchObject({ status: 200 });
    const { type, text } = await harness.fetch('/metrics');
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toMatch(/meridian_accept_events_total\{[^}]*region="eu"[^}]*\} 1\b/);
    expect(text).toMatch(/meridian_http_request_duration_seconds_count\{[^}]*route="\/v1\/events"[^}]*\} 1\b/);
    await harness.close();
  });

  it('say that the service is not ready when its log does not answer', async () => {
    const harness = await Harness.start();
    await harness.log.close();
    expect(await harness.fetch('/health/ready')).toMatchObject({ status: 503, body: { code: 'not_ready' } });
    expect(await harness.fetch('/health/live')).toMatchObject({ status: 200 });
    await harness.close();
  });

  it('show the API as OpenAPI, from the schema that validates', async () => {
    const harness = await Harness.start();
    const { body } = await harness.fetch('/docs/json');
    const batch = body.paths['/v1/events']!.post.requestBody.content['application/cloudevents-batch+json']!.schema;
    expect(batch.maxItems).toBe(1_000);
    const [usageSchema] = batch.items.anyOf;
    expect(usageSchema.properties.data.properties.tokens.properties).toMatchObject({ input: { type: 'integer', maximum: Number.MAX_SAFE_INTEGER } });
    expect(usageSchema.properties.id).toMatchObject({ minLength: 1, maxLength: 256 });
    expect(JSON.stringify(body)).not.toContain('x-text');
    await harness.close();
  });
});

describe('traces and logs', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('carry the trace of the caller into the records, with or without an exporter', async () => {
    const harness = await Harness.start();
    await harness.post(JSON.stringify([usage()]), { traceparent });
    const records = (await Promise.all([0, 1].map((partition) => harness.log.read(partition, 0, 10)))).flat();
    expect(records.map(({ headers }) => headers)).toEqual([{ traceparent }]);
    await harness.close();
  });

  it('never hold a payload or a key', async () => {
    const lines: string[] = [];
    const harness = await Harness.start({ lines });
    await harness.batch(usage({ id: 'payload-id', subject: 'payload-session' }), usage({ id: 'payload-bad', subject: 7 }));
    await harness.post('{"payload-id":');
    await harness.post('[]', { authorization: `Bearer mk_${'0'.repeat(16)}_${'A'.repeat(43)}` });
    await harness.close();
    const text = lines.join('');
    expect(text).toContain('"event":"events_accepted"');
    expect(text).toContain('"code":"body_malformed"');
    expect(text).not.toMatch(/payload|mk_|Bearer/);
    expect(text).not.toContain(harness.key.slice(20));
  });
});
