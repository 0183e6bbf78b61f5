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
  push(correlationId: number): void;
  answer(correlationId: number): void;
}

/** A queue of a copy of kafkajs of its own, so that the guard of one test is not that of the next. */
function watch({ isGuarded }: { readonly isGuarded: boolean }): Watched {
  let queue!: RequestQueue;
  jest.isolateModules(() => {
    if (isGuarded) jest.requireActual<typeof guard>('./guard').guardRequestQueue();
    const Queue = jest.requireActual<typeof RequestQueue>('kafkajs/src/network/requestQueue');
    const logger = { debug: () => undefined, warn: () => undefined };
    queue = new Queue({ maxInFlightRequests: null, requestTimeout: 1_000, enforceRequestTimeout: false, clientId: 'test', broker: 'test', logger });
  });
  const sent: number[] = [];
  return {
    queue,
    sent,
    push: (correlationId) => {
      const entry = { correlationId, apiKey: 0, apiName: 'Produce', apiVersion: 7, resolve: () => undefined, reject: () => undefined };
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
