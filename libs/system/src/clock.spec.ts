import { getEventListeners } from 'node:events';
import { systemClock } from './clock';

const DAY_MS = 86_400_000;

describe('systemClock', () => {
  it('tells whole milliseconds since the epoch', () => {
    const [before, now, after] = [Date.now(), systemClock.now(), Date.now()];
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after);
    expect(Number.isInteger(now)).toBe(true);
  });

  it('sleeps about as long as it is told', async () => {
    const start = performance.now();
    await systemClock.sleep(30);
    expect(performance.now() - start).toBeGreaterThan(25);
  });

  it('wakes when the signal is aborted, and at once when it was before', async () => {
    const alarm = new AbortController();
    const asleep = systemClock.sleep(DAY_MS, alarm.signal);
    alarm.abort();
    await asleep;
    await systemClock.sleep(DAY_MS, alarm.signal);
  });

  it('does not wake at once from a sleep longer than a timer takes', async () => {
    const alarm = new AbortController();
    let isAwake = false;
    const asleep = systemClock.sleep(40 * DAY_MS, alarm.signal).then(() => (isAwake = true));
    await systemClock.sleep(20);
    expect(isAwake).toBe(false);
    alarm.abort();
    await asleep;
  });

  it('leaves nothing on a signal that outlives many sleeps', async () => {
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 20 }, () => systemClock.sleep(1, signal)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
