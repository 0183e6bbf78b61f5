import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Claim } from './api';
import { keepsSaying, type Reason } from './fault';

const WAITS: Claim = { isFinal: false, cut: 3, asOf: 1, reasons: [{ code: 'replication_lag', region: 'a' }] };
const isLag = ({ code }: Reason): boolean => code === 'replication_lag';

/** Answers one claim after the other, then the last for good; undefined: no answer. */
function answering(...claims: readonly (Claim | undefined)[]): { readonly api: Api } {
  let at = 0;
  const claim = async (): Promise<Claim> => {
    const one = claims[Math.min(at++, claims.length - 1)];
    if (!one) throw new RangeError('no connection');
    return one;
  };
  return { api: { claim } as unknown as Api };
}

describe('a region that is held to its reason', () => {
  const held = (...claims: readonly (Claim | undefined)[]): Promise<void> => keepsSaying(answering(...claims), 'b', isLag, () => sleep(1_200));

  it('passes while it says so, also when once it did not answer', async () => {
    await held(WAITS, undefined, WAITS);
  });

  it('fails when once in between it was final, or gave another reason', async () => {
    await expect(held(WAITS, { ...WAITS, isFinal: true, reasons: [] }, WAITS)).rejects.toThrow('1 of 3 times otherwise');
    await expect(held(WAITS, { ...WAITS, reasons: [{ code: 'not_folded', log: 'a.0.1' }] }, WAITS)).rejects.toThrow('not_folded');
  });

  it('fails when it never answered, and with what was done meanwhile', async () => {
    await expect(held(undefined)).rejects.toThrow('never said');
    await expect(keepsSaying(answering(WAITS), 'b', isLag, () => Promise.reject(new RangeError('of the act')))).rejects.toThrow('of the act');
  });
});
