import type { Incarnation } from '@meridian/event-log';
import { Watchdog, type Watched } from './watchdog';

const INCARNATION: Incarnation = { cluster: 'c', topic: 't', partitions: 2 };
const STALL_MS = 30;
const WATCH_MS = 10;

/** Looks as often as there is something to look at, on a clock that only the watchdog moves. */
async function watch(looks: readonly { readonly delivery: Watched; readonly end?: number; readonly found?: Incarnation; readonly error?: Error }[]): Promise<Error | undefined> {
  let now = 0;
  let at = -1;
  let failure: Error | undefined;
  const done = new AbortController();
  const deliveries = new Map<number, Watched>();
  await new Watchdog({
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
        const look = looks[++at];
        if (look) deliveries.set(0, look.delivery);
        else done.abort();
      },
    },
    incarnation: INCARNATION,
    describe: async () => {
      const { error, found = INCARNATION } = looks[at] ?? {};
      if (error) throw error;
      return found;
    },
    extents: () => Promise.resolve([{ start: 0, end: looks[at]?.end ?? 10 }]),
    deliveries,
    onFailed: (error) => (failure = error),
    signal: done.signal,
    watchMs: WATCH_MS,
    stallMs: STALL_MS,
  }).run();
  return failure;
}

class Fake implements Watched {
  reconnects = 0;
  constructor(
    public position: number,
    readonly isBusy = false,
  ) {}

  reconnect(): void {
    this.reconnects++;
  }
}

function times<T>(count: number, one: T): T[] {
  return Array.from({ length: count }, () => one);
}

describe('the progress watchdog (behind, and nothing comes)', () => {
  it('reads over a new connection after the stall time, and fails the member after the next', async () => {
    const delivery = new Fake(5);
    expect(await watch(times(5, { delivery }))).toBeUndefined();
    expect(delivery.reconnects).toBe(1);
    const again = new Fake(5);
    expect(await watch(times(20, { delivery: again }))).toMatchObject({ code: 'log_unavailable', message: expect.stringContaining('no progress') as string });
    expect(again.reconnects).toBe(1);
  });

  it('lets alone a partition that is at the end, one whose member is busy, and one that gets on', async () => {
    const [atEnd, busy, moving] = [new Fake(10), new Fake(5, true), new Fake(0)];
    expect(await watch(times(20, { delivery: atEnd }))).toBeUndefined();
    expect(await watch(times(20, { delivery: busy }))).toBeUndefined();
    const looks = times(20, { delivery: moving, end: 1_000 }).map((look) => ({ ...look, get end() { return ((moving.position += 1), 1_000); } }));
    expect(await watch(looks)).toBeUndefined();
    expect([atEnd.reconnects, busy.reconnects, moving.reconnects]).toEqual([0, 0, 0]);
  });

  it('fails the member when partitions were added', async () => {
    const found = { ...INCARNATION, partitions: 3 };
    expect(await watch([{ delivery: new Fake(0), found }])).toMatchObject({ code: 'log_repartitioned', message: expect.stringContaining('3 partitions') as string });
  });

  it('fails the member when the brokers do not know the topic, not when they cannot be asked', async () => {
    const unknown = Object.assign(new RangeError('of the broker'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(await watch([{ delivery: new Fake(0), error: unknown }])).toMatchObject({ code: 'log_missing', message: expect.stringContaining('topic t does not exist') as string });
    expect(await watch([{ delivery: new Fake(0), error: new RangeError('no connection') }])).toBeUndefined();
  });
});
