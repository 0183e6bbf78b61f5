/** A few seeds in every test run; `npm run sim` runs thousands. Seeds that once failed stay here. */
import { runSeed } from './run';
import type { SwitchName } from './switches';

/** A seed takes a fraction of a second; a machine under load may take many times that. */
jest.setTimeout(120_000);

describe('the simulated installation', () => {
  it.each([1, 2, 3, 4])('is never wrong and settles, seed %i', async (seed) => {
    const { failures, cutsChecked } = await runSeed(seed);
    expect(failures).toEqual([]);
    expect(cutsChecked).toBeGreaterThan(0);
  });

  /** What each was about when it failed. A seed goes another way whenever the code does; as often as not it meets the like. */
  const failedOnce = [
    ...[1036, 1062, 1097, 1105, 1163].map((seed) => [seed, 'two reconcilers aimed at different cuts: rows were read at a cut older than RC'] as const),
    ...[5071, 5098].map((seed) => [seed, 'boundaries published by a clock that was behind lost at another replica, for good'] as const),
    ...[5232, 5396].map((seed) => [seed, 'a retired log was not waited for up to its retirement'] as const),
    ...[62, 125].map((seed) => [seed, 'logs that were given up were registered again by whoever started next'] as const),
    [283, 'a topic of which one log was given up could not be registered any more'] as const,
    [36, 'a session that began with a void was not in the index of its month'] as const,
    [1494, 'a paused reader went on in a log that had been truncated under it'] as const,
    [1884, 'the only copy of a cut was lost with the region of its allocator'] as const,
    ...[5091, 7205, 945, 1276, 1285, 1338].map((seed) => [seed, 'the simulator or its oracle was wrong'] as const),
  ];

  it.each(failedOnce)('holds for seed %i, which failed once: %s', async (seed) => {
    expect((await runSeed(seed)).failures).toEqual([]);
  });

  it('goes the same way for the same seed', async () => {
    const [first, second, other] = [await runSeed(11), await runSeed(11), await runSeed(12)];
    expect(second.traceHash).toBe(first.traceHash);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});

describe('without a defence', () => {
  /** `npm run sim` takes out every one of them; these are caught so soon that every test run can afford it. */
  const soonCaught: readonly SwitchName[] = ['no-identity', 'scalar-offset-fence', 'skip-presence', 'usage-own-inserts', 'no-insert-if-absent'];
  const SEEDS_MAX = 15;

  it.each(soonCaught)('%s something goes wrong and is seen', async (without) => {
    let caught = 0;
    for (let seed = 1; seed <= SEEDS_MAX && caught === 0; seed++) caught = (await runSeed(seed, { without })).failures.length;
    expect(caught).toBeGreaterThan(0);
  });
});
