/**
 * The guard for the timer spin of kafkajs 2.2.4. Its request queue looks again at what waits after `throttledUntil − now`
 * milliseconds, and arms that timer even when nothing waits. `throttledUntil` is −1 when the broker never throttled: the
 * delay is negative, Node makes 1 ms of it (and warns of it, `TimeoutNegativeWarning`), and every connection wakes a
 * thousand times a second for nothing.
 */
import RequestQueue from 'kafkajs/src/network/requestQueue';

let undo: (() => void) | undefined;

/**
 * Arms the timer only when a request waits for it. On the prototype, because kafkajs makes its queues out of reach, at
 * every connection. Once per process, however often it is called; answers what takes it back, for measuring without it.
 */
export function guardRequestQueue(): () => void {
  if (undo) return undo;
  const { prototype } = RequestQueue;
  const original = Object.getOwnPropertyDescriptor(prototype, 'scheduleCheckPendingRequests')?.value as (this: RequestQueue) => void;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) original.call(this);
  };
  undo = () => {
    prototype.scheduleCheckPendingRequests = original;
    undo = undefined;
  };
  return undo;
}
