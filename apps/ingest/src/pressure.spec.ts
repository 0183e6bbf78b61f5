import { request } from 'node:http';
import { EventLogError, type Draft, type EventLog, type Position } from '@meridian/event-log';
import { Harness, usage } from './harness';

/** A log whose appends wait, or fail, as told. */
class Gate {
  error: EventLogError | undefined;
  waiting = 0;
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));
  isShut = false;

  wrap(log: EventLog): EventLog {
    const append = async (drafts: readonly Draft[]): Promise<readonly Position[]> => {
      if (this.error) throw this.error;
      this.waiting++;
      if (this.isShut) await this.opened;
      return log.append(drafts);
    };
    return new Proxy(log, { get: (target, name) => (name === 'append' ? append : (Reflect.get(target, name) as (...given: unknown[]) => unknown).bind(target)) });
  }

  release(): void {
    this.isShut = false;
    this.open();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('when the log does not take it', () => {
  it.each([['log_unavailable', '1'], ['log_full', '30']] as const)('%s is a 503 that says when to come back, nothing is acknowledged', async (code, retryAfter) => {
    const gate = new Gate();
    gate.error = new EventLogError(code, 'disk /secret/path');
    const harness = await Harness.start({ wrap: (log) => gate.wrap(log) });
    const { status, type, headers, body } = await harness.batch(usage());
    expect([status, type, body.code, headers.get('retry-after')]).toEqual([503, 'application/problem+json', code, retryAfter]);
    expect(JSON.stringify(body)).not.toMatch(/secret|results/);
    gate.error = undefined;
    expect((await harness.batch(usage())).status).toBe(202);
    await harness.close();
  });
});

describe('under pressure', () => {
  it('one tenant gets 429, everyone 503, with Retry-After; and it passes', async () => {
    const gate = new Gate();
    gate.isShut = true;
    const harness = await Harness.start({ wrap: (log) => gate.wrap(log), limits: { requestsMax: 3, tenantRequestsMax: 2 } });
    const other = { authorization: `Bearer ${await harness.newKey('globex', ['ingest'])}` };
    const held = [harness.batch(usage()), harness.batch(usage())];
    await until(() => gate.waiting === 2);
    const busy = await harness.batch(usage());
    expect([busy.status, busy.body.code, busy.headers.get('retry-after')]).toEqual([429, 'tenant_busy', '1']);
    held.push(harness.post(JSON.stringify([usage()]), other));
    await until(() => gate.waiting === 3);
    const full = await harness.post(JSON.stringify([usage()]), other);
    expect([full.status, full.body.code, full.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
    gate.release();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([202, 202, 202]);
    expect((await harness.batch(usage())).status).toBe(202);
    await harness.close();
  });

  it('bodies are bounded in bytes, and a client that went away gives its room back', async () => {
    const harness = await Harness.start({ limits: { bytesMax: 1_000 } });
    const { port } = new URL(harness.service.url);
    const headers = { authorization: `Bearer ${harness.key}`, 'content-type': 'application/cloudevents-batch+json', 'content-length': '900' };
    const slow = request({ port, path: '/v1/events', method: 'POST', headers });
    slow.on('error', () => undefined);
    slow.write('[');
    let answer = await harness.batch(usage());
    while (answer.status === 202) answer = await harness.batch(usage());
    expect([answer.status, answer.body.code]).toEqual([503, 'overloaded']);
    slow.destroy();
    while (answer.status === 503) answer = await harness.batch(usage());
    expect(answer.status).toBe(202);
    await harness.close();
  });
});

describe('stopping', () => {
  it('answers what is in flight, and takes nothing new', async () => {
    const gate = new Gate();
    gate.isShut = true;
    const harness = await Harness.start({ wrap: (log) => gate.wrap(log) });
    const inFlight = harness.batch(usage());
    await until(() => gate.waiting === 1);
    let isClosed = false;
    const closing = harness.service.close().then(() => (isClosed = true));
    const late = await harness.batch(usage()).catch(() => undefined);
    // Refused by us, or by the system once the socket no longer listens.
    if (late) expect(late).toMatchObject({ status: 503, body: { code: 'draining' } });
    expect(isClosed).toBe(false);
    gate.release();
    expect((await inFlight).status).toBe(202);
    await closing;
    expect(await harness.records()).toHaveLength(1);
    await harness.close();
  });
});
