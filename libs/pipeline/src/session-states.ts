/** What a folder remembers of its stream's sessions, least recently used first out, bounded in bytes. */
import type { SessionState } from '@meridian/accounting';

export class SessionStates {
  private readonly states = new Map<string, { readonly state: SessionState; bytes: number }>();
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** The state, now the most recently used. */
  get(key: string): SessionState | undefined {
    const held = this.states.get(key);
    if (!held) return undefined;
    this.states.delete(key);
    this.states.set(key, held);
    return held.state;
  }

  /** Remembers a state as it is now; call again after it grew. */
  set(key: string, state: SessionState): void {
    this.delete(key);
    const bytes = state.memoryBytes + key.length * 2;
    this.states.set(key, { state, bytes });
    this.bytes += bytes;
  }

  delete(key: string): void {
    const held = this.states.get(key);
    if (!held) return;
    this.states.delete(key);
    this.bytes -= held.bytes;
  }

  /** Drops the least recently used until the bound holds; the most recent one always stays. */
  shrink(): void {
    for (const key of this.states.keys()) {
      if (this.bytes <= this.bytesMax || this.states.size === 1) return;
      this.delete(key);
    }
  }
}
