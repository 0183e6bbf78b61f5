/** What the network does to the clients of a store or a service, by the proxy before it: to connections that are open, too. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkFault } from '@meridian/local';
import { FaultsError } from './errors';
import type { Fault, World } from './fault';
import { SERVICES, STORES, type Service, type Store } from './fronts';

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly fronts: readonly (Store | Service)[];
  readonly fault: NetworkFault;
  readonly lasts: { readonly min: number; readonly max: number };
}

const SHORT = { min: 5_000, max: 12_000 };

const KINDS: readonly Kind[] = [
  { name: 'drop-responses-kafka', what: "a broker's answers are swallowed: applied, unanswered", fronts: ['kafka'], fault: { kind: 'drop-responses' }, lasts: SHORT },
  { name: 'drop-responses-dynamodb', what: "a DynamoDB's answers are swallowed: applied, unanswered", fronts: ['dynamodb'], fault: { kind: 'drop-responses' }, lasts: SHORT },
  { name: 'cut-after', what: "every connection to a region's stores is cut after 5 requests, unanswered", fronts: STORES, fault: { kind: 'cut-after', requests: 5 }, lasts: SHORT },
  { name: 'delay', what: "a region's stores are 300 ms away, each way", fronts: STORES, fault: { kind: 'delay', ms: 300 }, lasts: SHORT },
  { name: 'blackhole-region', what: "a region is silent: its stores for its services and the replicator, its ingest for publishers, its reconciliation for readers", fronts: [...STORES, ...SERVICES], fault: { kind: 'blackhole' }, lasts: { min: 15_000, max: 25_000 } },
];

export function networkFaults(): Fault[] {
  return KINDS.map(({ name, what, fronts: behind, fault, lasts }) => {
    let region: string | undefined;
    const setAll = ({ fronts }: World, to: NetworkFault): void => {
      for (const one of behind) if (region !== undefined) fronts.set(one, region, to);
    };
    return {
      name,
      what: `${what}, for up to ${lasts.max / 1_000} s`,
      async inject(world: World): Promise<void> {
        const { fronts, random, regions, say } = world;
        const chosen = (region = random.pick(regions));
        const before = behind.map((one) => fronts.touched(one, chosen));
        setAll(world, fault);
        await sleep(random.between(lasts.min, lasts.max));
        const counts = behind.map((one, at) => fronts.touched(one, chosen) - (before[at] ?? 0));
        say(`${name} in ${chosen}: ${behind.map((one, at) => `${counts[at]} times at ${one}`).join(', ')}`);
        if (counts.includes(0)) throw new FaultsError('faults_not_as_expected', `${name} in ${chosen}: nothing was done to the clients of ${behind[counts.indexOf(0)]}`);
      },
      async heal(world: World): Promise<void> {
        setAll(world, { kind: 'none' });
      },
    };
  });
}
