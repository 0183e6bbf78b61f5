/**
 * Virtual time in one thread. Whatever happens in the world is an act at a time; between two acts all promises that
 * can settle do. The only file that touches a real timer, to let the microtask queue run empty.
 */

interface Act {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** When every simulated world begins: 2026-01-31T23:00Z, so that runs cross a month's end, ms since the epoch. */
export const WORLD_START_MS = Date.UTC(2026, 0, 31, 23, 0, 0);

export class Scheduler {
  now = WORLD_START_MS;
  private readonly heap: Act[] = [];
  private orders = 0;

  /** Runs `act` after `ms` of virtual time. */
  after(ms: number, act: () => void): void {
    this.push({ at: this.now + Math.max(0, ms), order: this.orders++, act });
  }

  /** Runs acts in order of time until `until`, ms since the epoch, or until `isDone`. */
  async run(until: number, isDone: () => boolean): Promise<void> {
    await settle();
    while (!isDone()) {
      const next = this.heap[0];
      if (!next || next.at > until) break;
      this.now = next.at;
      for (let act = this.heap[0]; act?.at === this.now; act = this.heap[0]) {
        this.pop();
        act.act();
      }
      await settle();
    }
    if (this.now < until && !isDone()) this.now = until;
  }

  private push(act: Act): void {
    const heap = this.heap;
    let at = heap.length;
    heap.push(act);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(act, heap[parent] as Act)) break;
      heap[at] = heap[parent] as Act;
      at = parent;
    }
    heap[at] = act;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop() as Act;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Act, heap[child] as Act)) child++;
      if (!before(heap[child] as Act, last)) break;
      heap[at] = heap[child] as Act;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Act, b: Act): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves when no promise is left that can go on without an act. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
