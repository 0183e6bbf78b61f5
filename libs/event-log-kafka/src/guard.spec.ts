import type RequestQueue from 'kafkajs/src/network/requestQueue';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as guard from './guard';

const LISTEN_MS = 60;
/** Looks of an unguarded queue in that time: about one per millisecond on an idle machine. */
const SPINNING = 10;

interface Watched {
  readonly queue: RequestQueue;
  /** Correlation ids in the order they were sent. */
  readonly sent: number[];
  readonly failures: Error[];
  push(correlationId: number): void;
  answer(correlationId: number): void;
}

/** A queue of a copy of kafkajs of its own, so that the guard of one test is not that of the next. */
function watch({ isGuarded, requestTimeout = 1_000 }: { readonly isGuarded: boolean; readonly requestTimeout?: number }): Watched {
  let queue!: RequestQueue;
  jest.isolateModules(() => {
    if (isGuarded) jest.requireActual<typeof guard>('./guard').guardRequestQueue();
    const Queue = jest.requireActual<typeof RequestQueue>('kafkajs/src/network/requestQueue');
    const logger = { debug: () => undefined, warn: () => undefined };
    queue = new Queue({ maxInFlightRequests: null, requestTimeout, enforceRequestTimeout: true, clientId: 'test', broker: 'test', logger, isConnected: () => true });
  });
  const sent: number[] = [];
  const failures: Error[] = [];
  return {
    queue,
    sent,
    failures,
    push: (correlationId) => {
      const entry = { correlationId, apiKey: 0, apiName: 'Produce', apiVersion: 7, resolve: () => undefined, reject: (error: Error) => void failures.push(error) };
      queue.push({ entry, expectResponse: true, sendRequest: () => void sent.push(correlationId) });
    },
    answer: (correlationId) => queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 }),
  };
}

/** Delays that timers are armed with meanwhile. */
async function delaysWhile(act: () => void): Promise<number[]> {
  const armed = jest.spyOn(globalThis, 'setTimeout');
  try {
    act();
    await sleep(LISTEN_MS);
    return armed.mock.calls.map(([, delay]) => delay ?? 0);
  } finally {
    armed.mockRestore();
  }
}

describe('the request queue 1 ms timer spin (throttledUntil = −1 arms itself again)', () => {
  let watched: Watched;
  afterEach(() => watched.queue.destroy());

  it('is there in this version of kafkajs: one answer makes it spin for good', async () => {
    watched = watch({ isGuarded: false });
    watched.push(1);
    const delays = await delaysWhile(() => watched.answer(1));
    expect(delays.length).toBeGreaterThan(SPINNING);
    expect(Math.max(...delays)).toBeLessThan(0);
  });

  it('is gone with the guard: an idle connection arms no timer', async () => {
    watched = watch({ isGuarded: true });
    watched.push(1);
    expect(await delaysWhile(() => watched.answer(1))).toEqual([]);
  });

  it('leaves throttling as it is: what waits is sent when the broker allows it, and then all is quiet', async () => {
    watched = watch({ isGuarded: true });
    watched.queue.maybeThrottle(20);
    watched.push(1);
    expect(watched.sent).toEqual([]);
    await sleep(LISTEN_MS);
    expect(watched.sent).toEqual([1]);
    expect(await delaysWhile(() => watched.answer(1))).toEqual([]);
  });

  it('is for kafkajs 2.2.4 exactly', () => {
    expect(jest.requireActual<{ readonly version: string }>('kafkajs/package.json').version).toBe('2.2.4');
  });
});

describe('the look for overdue requests, ten times a second at every connection', () => {
  let watched: Watched;
  afterEach(() => watched.queue.destroy());

  it.each([
    [false, 100],
    [true, 1_000],
  ])('comes as often as it makes a difference (guarded: %s, every %d ms)', (isGuarded, everyMs) => {
    const armed = jest.spyOn(globalThis, 'setInterval');
    watched = watch({ isGuarded, requestTimeout: 10_000 });
    watched.queue.scheduleRequestTimeoutCheck();
    expect(armed.mock.calls.map(([, delay]) => delay)).toEqual([everyMs]);
    armed.mockRestore();
  });

  it('still fails a request that is not answered in time', async () => {
    watched = watch({ isGuarded: true, requestTimeout: 50 });
    watched.queue.scheduleRequestTimeoutCheck();
    watched.push(1);
    await sleep(250);
    expect(watched.failures).toEqual([expect.objectContaining({ name: 'KafkaJSRequestTimeoutError' })]);
  });
});
