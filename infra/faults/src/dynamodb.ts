/** What DynamoDB itself does on a bad day, inside the AWS SDK of all processes that talk to a region's. */
import { setTimeout as sleep } from 'node:timers/promises';
import { give, LOOK_EVERY_MS, ordersIn, touched } from './dynamodb-order';
import type { Trouble } from './dynamodb-trouble';
import { FaultsError } from './errors';
import type { Fault, World } from './fault';

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly trouble: Trouble;
  readonly share: number;
}

const LASTS_MS = 15_000;

const KINDS: readonly Kind[] = [
  { name: 'throttle-dynamodb', what: '30 % of the requests to a region\'s DynamoDB are throttled', trouble: 'throttle', share: 0.3 },
  { name: 'unprocessed-keys', what: 'half of the BatchGetItem of a region answer only half of their keys', trouble: 'unprocessed-keys', share: 0.5 },
  { name: 'timeout-after-success', what: '10 % of the requests to a region\'s DynamoDB are carried out and end in a timeout', trouble: 'timeout-after-success', share: 0.1 },
];

export function dynamoDbFaults(): Fault[] {
  return KINDS.map(({ name, what, trouble, share }) => ({
    name,
    what: `${what}, by middleware of the SDK, for ${LASTS_MS / 1_000} s`,
    async inject({ directory, random, regions, say }: World): Promise<void> {
      const orders = ordersIn(directory);
      const region = random.pick(regions);
      const before = await touched(orders);
      await give(orders, { trouble, region, share });
      await sleep(LASTS_MS);
      await give(orders, undefined);
      // Until every process has looked, and said how many it touched.
      await sleep(LOOK_EVERY_MS * 3);
      const count = (await touched(orders)) - before;
      say(`${name} in ${region}: ${count} requests of services`);
      if (count === 0) throw new FaultsError('faults_not_as_expected', `${name}: no request of a service was touched`);
    },
    heal: ({ directory }: World) => give(ordersIn(directory), undefined),
  }));
}
