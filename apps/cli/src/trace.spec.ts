/** One trace, from a publisher's request over the records of the log to the flush that holds them. */
import type { LogRecord } from '@meridian/event-log';
import { InMemorySpanExporter } from '@meridian/telemetry';
import { OneRegion, usage } from './one-region.fixture';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

/** Shared by processes that come and go: what they told stays when they end. */
class Spans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return this.forceFlush();
  }
}

class World {
  readonly region = new OneRegion();
  private readonly traceTo = new Spans();

  /** Posts events under each of these contexts, in turn. */
  async publish(...traceparents: readonly string[]): Promise<void> {
    const ingest = await this.region.start('ingest', { traceTo: this.traceTo });
    for (const traceparent of traceparents) expect(await this.region.post(ingest.url, [usage('s'), usage('s'), usage('s')], { traceparent })).toBe(202);
    await ingest.stop();
  }

  fold(): Promise<void> {
    return this.region.fold({ traceTo: this.traceTo });
  }

  get spans(): ReturnType<Spans['getFinishedSpans']> {
    return this.traceTo.getFinishedSpans();
  }

  async records(): Promise<readonly LogRecord[]> {
    return (await Promise.all([0, 1].map((partition) => this.region.log.read(partition, 0, 100)))).flat();
  }
}

describe('a trace', () => {
  it('goes from the publisher to the request, with its records over the log, and from the flush back to it', async () => {
    const world = new World();
    await world.publish(`00-${TRACE}-${CALLER}-01`);
    const [accept] = world.spans;
    expect(accept).toMatchObject({ name: 'accept', parentSpanContext: { traceId: TRACE, spanId: CALLER, isRemote: true }, attributes: { region: 'eu' } });
    const { traceId, spanId } = accept!.spanContext();
    expect(traceId).toBe(TRACE);
    expect((await world.records()).map(({ headers }) => headers)).toEqual(Array(3).fill({ traceparent: `00-${TRACE}-${spanId}-01` }));
    await world.fold();
    const folds = world.spans.slice(1);
    expect(folds).toMatchObject([{ name: 'fold', attributes: { region: 'eu', records: 3 }, links: [{ context: { traceId, spanId } }] }]);
    expect(folds[0]!.spanContext().traceId).not.toBe(TRACE);
  });

  it('of a caller that does not record is passed on, and neither recorded nor linked to', async () => {
    const world = new World();
    await world.publish(`00-${TRACE}-${CALLER}-00`);
    const traceparents = (await world.records()).map(({ headers }) => headers?.['traceparent']);
    expect(traceparents).toEqual(Array(3).fill(expect.stringMatching(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))));
    await world.fold();
    expect(world.spans).toEqual([]);
  });

  it('is linked to from a flush that holds mostly requests which are not recorded', async () => {
    const world = new World();
    await world.publish(...Array<string>(20).fill(`00-${TRACE}-${CALLER}-00`), `00-${TRACE}-${CALLER}-01`);
    await world.fold();
    const [accept, fold] = world.spans;
    expect(fold).toMatchObject({ name: 'fold', attributes: { records: 63 }, links: [{ context: { spanId: accept!.spanContext().spanId } }] });
  });
});
