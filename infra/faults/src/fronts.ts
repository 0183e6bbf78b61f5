/**
 * A proxy of ours before every broker and every DynamoDB: what the stack tells services and replicator to connect to.
 * Invariant: without a fault it passes everything on.
 */
import { freePort, Proxy, type NetworkFault } from '@meridian/local';

/** What is behind a proxy. */
export type Store = 'kafka' | 'dynamodb';

interface Front {
  readonly name: string;
  readonly proxy: Proxy;
  readonly targetPort: number;
}

/** What each part listens on for its clients, by its names in the stack. */
const PORT_NAMES = { kafka: 'broker', dynamodb: 'http' } as const;
export const STORES = ['kafka', 'dynamodb'] as const;

export class Fronts {
  private constructor(private readonly fronts: readonly Front[]) {}

  static async open(regions: readonly string[]): Promise<Fronts> {
    const fronts: Front[] = [];
    for (const region of regions) {
      for (const store of STORES) {
        const targetPort = await freePort();
        fronts.push({ name: `${store}/${region}`, targetPort, proxy: await Proxy.listen({ targetPort, port: 0 }) });
      }
    }
    return new Fronts(fronts);
  }

  /** For `Stack.up`. */
  get ports(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(this.fronts.map(({ name, proxy, targetPort }) => [name, { [PORT_NAMES[name.split('/')[0] as Store]]: targetPort, advertised: proxy.port }]));
  }

  set(store: Store, region: string, fault: NetworkFault): void {
    this.of(store, region).proxy.set(fault);
  }

  /** How often faults have done something to its clients, so far. */
  touched(store: Store, region: string): number {
    return this.of(store, region).proxy.touched;
  }

  /** The port that its clients connect to. */
  clientPortOf(store: Store, region: string): number {
    return this.of(store, region).proxy.port;
  }

  async close(): Promise<void> {
    await Promise.all(this.fronts.map(({ proxy }) => proxy.close()));
  }

  private of(store: Store, region: string): Front {
    return this.fronts.find(({ name }) => name === `${store}/${region}`) as Front;
  }
}
