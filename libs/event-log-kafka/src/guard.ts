/**
 * The guard for the timers of kafkajs 2.2.4, which keep an idle process busy.
 * - Its request queue looks again at what waits after `throttledUntil − now` milliseconds, and arms that timer even when
 *   nothing waits. `throttledUntil` is −1 when the broker never throttled: the delay is negative, Node makes 1 ms of it
 *   (and warns of it, `TimeoutNegativeWarning`), and every connection wakes a thousand times a second for nothing.
 * - It looks for requests that are overdue every 100 ms at every connection, whatever their timeout is.
 */
import RequestQueue from 'kafkajs/src/network/requestQueue';

/** A request fails this much of its timeout late at most. */
const LATE_PART = 1 / 10;
const LOOK_MS_MIN = 100;

let isGuarded = false;

/** On the prototype, because kafkajs makes its queues out of reach, at every connection. However often it is called. */
export function guardRequestQueue(): void {
  if (isGuarded) return;
  isGuarded = true;
  const { prototype } = RequestQueue;
  const original = Object.getOwnPropertyDescriptor(prototype, 'scheduleCheckPendingRequests')?.value as (this: RequestQueue) => void;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) original.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue): void {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    const look = (): void => {
      for (const request of this.inflight.values()) if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
      if (!this.isConnected()) this.destroy();
    };
    this.requestTimeoutIntervalId = setInterval(look, Math.max(LOOK_MS_MIN, this.requestTimeout * LATE_PART));
  };
}
