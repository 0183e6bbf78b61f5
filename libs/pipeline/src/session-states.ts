/** What a folder remembers of its stream's sessions, least recently used first out, bounded in bytes. */
import type { SessionState } from '@meridian/accounting';

export class SessionStates {
  /** In the order they were put in. */
  private readonly states = new Map<string, SessionState>();
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** Hands the state over: it is not remembered here until it is put in again. */
  take(key: string): SessionState | undefined {
    const state = this.states.get(key);
    if (!state) return undefined;
    this.states.delete(key);
    this.bytes -= bytesOf(key, state);
    return state;
  }

  /** Remembers a state, which must not be there and must not change from now on, as the most recently used. */
  put(key: string, state: SessionState): void {
    this.states.set(key, state);
    this.bytes += bytesOf(key, state);
  }

  /** Drops the least recently used until the bound holds; the most recent one always stays. */
  shrink(): void {
    for (const key of this.states.keys()) {
      if (this.bytes <= this.bytesMax || this.states.size === 1) return;
      this.take(key);
    }
  }
}

function bytesOf(key: string, state: SessionState): number {
  return state.memoryBytes + key.length * 2;
}
