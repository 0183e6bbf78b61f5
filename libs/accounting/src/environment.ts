/**
 * What the core is given instead of reaching for it: time, chance and SHA-256.
 * Nothing in domain, port or pipeline code may read a clock, a random source or a hash from anywhere else,
 * so that the simulator can run the very same code on virtual time from one seed.
 */

/** Wall-clock time and waiting. */
export interface Clock {
  /** Milliseconds since the Unix epoch, an integer. May jump; only the log's append time decides anything. */
  now(): number;
  /** Resolves after about `ms` milliseconds, or at once when `signal` is (or gets) aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A source of chance. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** SHA-256, each answer as 32 characters U+0000..U+00FF, one per byte (a "binary string"). */
export interface Hash {
  /** Of the UTF-8 bytes of `text`. */
  text(text: string): string;
  /** Of the bytes as they are. */
  bytes(bytes: Uint8Array): string;
}
