/**
 * One call = attempts until one is answered or the deadline has passed: full jitter between them, a timeout on each.
 * Invariant: a write fails with another code than `ledger_ambiguous` only when no attempt can have been applied.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@meridian/accounting';
import { LedgerError } from '@meridian/ledger';
import { describe, judge } from './errors';
import { Slots } from './slots';

export interface AttemptsOptions {
  /** Attempts in flight, at most. */
  readonly concurrency: number;
  /** No attempt starts later than this after the call, ms; the last one may take its timeout longer. */
  readonly deadlineMs: number;
  /** How long one attempt waits for its answer, ms. */
  readonly attemptTimeoutMs: number;
  readonly random: Random;
}

/** What an attempt is told. */
export interface Attempt {
  /** Aborted when the attempt has taken too long. */
  readonly abortSignal: AbortSignal;
  /** An attempt before this one may have been applied. */
  readonly isAfterAmbiguous: boolean;
}

/** Result of an attempt that was answered, but not with everything. */
export class Unfinished {
  /** `hasProgressed`: it was worth it, so the wait before the next attempt is short again. */
  constructor(readonly hasProgressed: boolean) {}
}

/** The wait before attempt n + 1 is uniform below `DELAY_MS * 2^n`, and never above `DELAY_MS_MAX`. */
const DELAY_MS = 25;
const DELAY_MS_MAX = 2_000;
/** Calls waiting for a slot, per slot: more would not be served before their deadline. */
const WAITING_PER_SLOT = 256;

export class Attempts {
  private readonly slots: Slots;

  constructor(private readonly options: AttemptsOptions) {
    this.slots = new Slots(options.concurrency, options.concurrency * WAITING_PER_SLOT);
  }

  /** An attempt that was not answered may be applied even now. */
  write<T>(doing: string, act: (attempt: Attempt) => Promise<T>): Promise<T> {
    return this.call<T>(doing, true, act);
  }

  read<T>(doing: string, act: (attempt: Attempt) => Promise<T | Unfinished>): Promise<T> {
    return this.call(doing, false, act);
  }

  private async call<T>(doing: string, isWrite: boolean, act: (attempt: Attempt) => Promise<T | Unfinished>): Promise<T> {
    const until = performance.now() + this.options.deadlineMs;
    let ambiguous: LedgerError | undefined;
    let last: LedgerError | undefined;
    for (let delays = 0; ; delays++) {
      if (!(await this.slots.take())) throw ambiguous ?? new LedgerError('ledger_throttled', `${doing}: too many calls wait for the ledger already`);
      try {
        if (performance.now() >= until) throw ambiguous ?? last ?? new LedgerError('ledger_throttled', `${doing}: waited too long for its turn`);
        const answer = await act({ abortSignal: AbortSignal.timeout(this.options.attemptTimeoutMs), isAfterAmbiguous: ambiguous !== undefined });
        if (!(answer instanceof Unfinished)) return answer;
        if (answer.hasProgressed) delays = 0;
        last = new LedgerError('ledger_throttled', `${doing}: a part of the answer was held back`);
      } catch (error) {
        if (error instanceof LedgerError) throw error;
        const { code, isRetried } = judge(error, isWrite);
        last = new LedgerError(code, `${doing}: ${describe(error)}`, { cause: error });
        if (code === 'ledger_ambiguous') ambiguous = last;
        if (!isRetried) throw ambiguous ?? last;
      } finally {
        this.slots.give();
      }
      const delayMs = this.options.random.next() * Math.min(DELAY_MS_MAX, DELAY_MS * 2 ** delays);
      if (performance.now() + delayMs >= until) throw ambiguous ?? last;
      await sleep(delayMs);
    }
  }
}
