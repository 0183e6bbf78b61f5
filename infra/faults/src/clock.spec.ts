import type { Checker } from './checker';
import { clockFault } from './clock';
import type { World } from './fault';
import { Random } from './random';

/** Regions that are a cut further whenever they are asked. */
function worldOf(checker: Pick<Checker, 'slackMs'>, restarted: (name: string, skewMs: string | undefined) => void, isDeaf = false): { readonly world: World; readonly cuts: () => number } {
  let cut = 0;
  const skews = new Map<string, number>();
  const world = {
    regions: ['one', 'two', 'three'], random: new Random(1), say: () => undefined, checker,
    api: { claim: () => Promise.resolve({ cut: ++cut }) },
    processes: {
      restart: (name: string, env?: Readonly<Record<string, string>>) => {
        restarted(name, env?.['MERIDIAN_FAULTS_SKEW_MS']);
        skews.set(name, isDeaf ? 0 : Number(env?.['MERIDIAN_FAULTS_SKEW_MS'] ?? 0));
        return Promise.resolve();
      },
      listen: (name: string) => Promise.resolve(() => Promise.resolve(JSON.stringify({ time: new Date(Date.now() + (skews.get(name) ?? 0)).toISOString() }))),
    },
  };
  return { world: world as unknown as World, cuts: () => cut };
}

const PACE = { aheadMs: 1, bothMs: 1, slackMs: 10, afterMs: 1 };

describe('clocks that are wrong', () => {
  it('are judged with a slack of seconds, and with none once they are right again and cuts are made by them', async () => {
    const checker = { slackMs: 0 };
    const { world, cuts } = worldOf(checker, () => undefined);
    const fault = clockFault(PACE);
    await fault.inject(world);
    expect(checker.slackMs).toBe(10);
    await fault.heal(world);
    expect(checker.slackMs).toBe(0);
    expect(cuts()).toBeGreaterThan(3);
  });

  it('are ahead in one region before they are behind in another, which would hide it', async () => {
    const skews: (string | undefined)[] = [];
    const { world } = worldOf({ slackMs: 0 }, (_, skewMs) => skews.push(skewMs));
    await clockFault(PACE).inject(world);
    expect(skews).toEqual([...Array.from({ length: 4 }, () => '300000'), ...Array.from({ length: 4 }, () => '-300000')]);
  });

  it('are seen to be wrong in what the services log, or the fault did not happen', async () => {
    await expect(clockFault(PACE).inject(worldOf({ slackMs: 0 }, () => undefined, true).world)).rejects.toThrow('ms from ours, not 300000');
  });

  it('are judged without slack also when healing fails', async () => {
    const checker = { slackMs: 0 };
    const { world } = worldOf(checker, (_, skewMs) => {
      if (skewMs === undefined) throw new TypeError('does not start');
    });
    const fault = clockFault(PACE);
    await fault.inject(world);
    await expect(fault.heal(world)).rejects.toThrow('does not start');
    expect(checker.slackMs).toBe(0);
  });
});
