/** `kill -9` of one process of every kind, at a random moment, for a random time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, World } from './fault';

/** Names in the stack of those that may be killed. */
type Victims = (region: string, instance: number) => string;

const MOMENT_MS = 3_000;
const PAUSE_MS = { min: 500, max: 8_000 };
const AGGREGATORS = 2;

const KINDS: Readonly<Record<string, Victims>> = {
  'kill-ingest': (region) => `ingest/${region}`,
  'kill-aggregator': (region, instance) => `aggregator/${region}/${instance}`,
  'kill-reconciliation': (region) => `reconciliation/${region}`,
  'kill-replicator': () => 'replicator',
  'kill-broker': (region) => `kafka/${region}`,
  'kill-dynamodb': (region) => `dynamodb/${region}`,
};

export function killFaults(): Fault[] {
  return Object.entries(KINDS).map(([name, victim]) => {
    let killed: string | undefined;
    return {
      name,
      what: `kill -9 of a process (${name.slice('kill-'.length)}), started again after up to ${PAUSE_MS.max / 1_000} s`,
      async inject({ processes, random, regions, say }: World): Promise<void> {
        await sleep(random.between(0, MOMENT_MS));
        killed = victim(random.pick(regions), random.between(1, AGGREGATORS));
        say(`kill -9 ${killed}`);
        await processes.crash(killed);
        await sleep(random.between(PAUSE_MS.min, PAUSE_MS.max));
      },
      async heal({ processes }: World): Promise<void> {
        if (killed !== undefined) await processes.up(killed);
      },
    };
  });
}
