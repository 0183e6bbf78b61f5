/** What the network does to a store's clients, by the proxy before it: to connections that are open, too. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkFault } from '@meridian/local';
import { FaultsError } from './errors';
import type { Fault, World } from './fault';
import { STORES, type Store } from './fronts';

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly stores: readonly Store[];
  readonly fault: NetworkFault;
  readonly lasts: { readonly min: number; readonly max: number };
}

const SHORT = { min: 5_000, max: 12_000 };

const KINDS: readonly Kind[] = [
  { name: 'drop-responses-kafka', what: "a broker's answers are swallowed: applied, unanswered", stores: ['kafka'], fault: { kind: 'drop-responses' }, lasts: SHORT },
  { name: 'drop-responses-dynamodb', what: "a DynamoDB's answers are swallowed: applied, unanswered", stores: ['dynamodb'], fault: { kind: 'drop-responses' }, lasts: SHORT },
  { name: 'cut-after', what: "every connection to a region's stores is cut after 5 requests, unanswered", stores: STORES, fault: { kind: 'cut-after', requests: 5 }, lasts: SHORT },
  { name: 'delay', what: "a region's stores are 300 ms away, each way", stores: STORES, fault: { kind: 'delay', ms: 300 }, lasts: SHORT },
  { name: 'blackhole-region', what: "a region's stores are silent for its services and the replicator", stores: STORES, fault: { kind: 'blackhole' }, lasts: { min: 15_000, max: 25_000 } },
];

export function networkFaults(): Fault[] {
  return KINDS.map(({ name, what, stores, fault, lasts }) => {
    let region: string | undefined;
    const setAll = ({ fronts }: World, to: NetworkFault): void => {
      for (const store of stores) if (region !== undefined) fronts.set(store, region, to);
    };
    return {
      name,
      what: `${what}, for up to ${lasts.max / 1_000} s`,
      async inject(world: World): Promise<void> {
        const { fronts, random, regions, say } = world;
        const chosen = (region = random.pick(regions));
        const before = stores.map((store) => fronts.touched(store, chosen));
        setAll(world, fault);
        await sleep(random.between(lasts.min, lasts.max));
        const counts = stores.map((store, at) => fronts.touched(store, chosen) - (before[at] ?? 0));
        say(`${name} in ${chosen}: ${stores.map((store, at) => `${counts[at]} times at ${store}`).join(', ')}`);
        if (counts.includes(0)) throw new FaultsError('faults_not_as_expected', `${name} in ${chosen}: nothing was done to the clients of ${stores[counts.indexOf(0)]}`);
      },
      async heal(world: World): Promise<void> {
        setAll(world, { kind: 'none' });
      },
    };
  });
}
