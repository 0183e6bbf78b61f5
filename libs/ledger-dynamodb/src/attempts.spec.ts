import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerError } from '@meridian/ledger';
import { Attempts, Unfinished, type Attempt, type AttemptsOptions } from './attempts';

const throttled = { name: 'ThrottlingException' };
const unanswered = { name: 'TimeoutError' };

function attempts(options: Partial<AttemptsOptions> = {}): Attempts {
  return new Attempts({ concurrency: 2, deadlineMs: 5_000, attemptTimeoutMs: 1_000, random: { next: () => 0 }, ...options });
}

/** An attempt that goes wrong as told, then succeeds. */
function failing(...errors: object[]): { readonly act: (attempt: Attempt) => Promise<string>; readonly seen: boolean[] } {
  const seen: boolean[] = [];
  const act = (attempt: Attempt): Promise<string> => {
    seen.push(attempt.isAfterAmbiguous);
    const error = errors.shift();
    return error === undefined ? Promise.resolve('done') : Promise.reject(Object.assign(new Error('m'), error));
  };
  return { act, seen };
}

const codeOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => (error as LedgerError).code);

describe('a call to the ledger', () => {
  it('is tried until it is answered, and knows when an attempt may have been applied', async () => {
    const { act, seen } = failing(throttled, unanswered, throttled);
    expect(await attempts().write('writing', act)).toBe('done');
    expect(seen).toEqual([false, false, true, true]);
  });

  it('waits a random part of twice as long each time', async () => {
    const waits: number[] = [];
    const random = { next: () => (waits.push(performance.now()), 1) };
    const began = performance.now();
    await attempts({ random }).write('writing', failing(throttled, throttled, throttled).act);
    expect(waits).toHaveLength(3);
    expect(performance.now() - began).toBeGreaterThanOrEqual(25 + 50 + 100 - 5);
  });

  it('fails at its deadline with the worst that may have happened', async () => {
    const ended = (...errors: object[]): Promise<unknown> => codeOf(attempts({ deadlineMs: 30, random: { next: () => 1 } }).write('writing', failing(...errors, throttled, throttled).act));
    expect(await ended(throttled)).toBe('ledger_throttled');
    expect(await ended(unanswered)).toBe('ledger_ambiguous');
  });

  it('goes on at once after a part of an answer, and gives up at its deadline', async () => {
    let parts = 0;
    const act = async (): Promise<string | Unfinished> => (++parts === 20 ? 'all' : new Unfinished(true));
    expect(await attempts({ random: { next: () => 1 } }).read('reading', act)).toBe('all');
    await expect(attempts({ deadlineMs: 20 }).read('reading', async () => new Unfinished(false))).rejects.toMatchObject({ code: 'ledger_throttled' });
  });

  it('tells its attempt when it has taken too long', async () => {
    const hanging = attempts({ attemptTimeoutMs: 20, deadlineMs: 10 }).write('writing', ({ abortSignal }) =>
      new Promise((_, fail) => abortSignal.addEventListener('abort', () => fail(abortSignal.reason as Error))));
    await expect(hanging).rejects.toMatchObject({ code: 'ledger_ambiguous' });
  });

  it('waits for its turn, not holding it while it waits to try again', async () => {
    let [running, most] = [0, 0];
    const act = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
    };
    const one = attempts();
    await Promise.all(Array.from({ length: 20 }, () => one.write('writing', act)));
    expect(most).toBe(2);
  });

  it('is refused, not applied, when its turn does not come in time or too many wait', async () => {
    const one = attempts({ concurrency: 1, deadlineMs: 20 });
    const calls = Array.from({ length: 300 }, () => one.write('writing', () => sleep(30, 'done')));
    const answers = await Promise.all(calls.map(codeOf));
    expect(answers[0]).toBe('done');
    expect(new Set(answers.slice(1))).toEqual(new Set(['ledger_throttled']));
  });
});
