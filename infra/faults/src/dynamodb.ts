/** What DynamoDB itself does on a bad day, to a region's services and to the replicator. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDbProxy, type Trouble } from './dynamodb-proxy';
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
  { name: 'timeout-after-success', what: '10 % of the requests to a region\'s DynamoDB are carried out and never answered', trouble: 'timeout-after-success', share: 0.1 },
];

export function dynamoDbFaults(): Fault[] {
  return KINDS.map(({ name, what, trouble, share }) => {
    let standing: { readonly region: string; readonly proxy: DynamoDbProxy } | undefined;
    const remove = async ({ fronts }: World): Promise<void> => {
      if (!standing) return;
      fronts.lead('dynamodb', standing.region);
      await standing.proxy.close();
      standing = undefined;
    };
    return {
      name,
      what: `${what}, for ${LASTS_MS / 1_000} s`,
      async inject(world: World): Promise<void> {
        const { random, regions, fronts, say, atEnd } = world;
        const region = random.pick(regions);
        const proxy = await DynamoDbProxy.listen({ targetPort: fronts.portOf('dynamodb', region), random, trouble, share });
        standing = { region, proxy };
        atEnd(() => remove(world));
        fronts.lead('dynamodb', region, proxy.port);
        await sleep(LASTS_MS);
        say(`${name} in ${region}: ${proxy.troubled} requests`);
        if (proxy.troubled === 0) throw new FaultsError('faults_not_as_expected', `${name}: no request was touched`);
      },
      heal: remove,
    };
  });
}
