/**
 * A proxy of ours before every broker and every DynamoDB, which the stack tells services and replicator to connect to, and
 * before every ingest and reconciliation, which publishers and checker connect to. Invariant: without a fault it passes everything on.
 */
import { freePort, HOST, Proxy, type NetworkFault } from '@meridian/local';

/** What is behind a proxy. */
export type Store = 'kafka' | 'dynamodb';
export type Service = 'ingest' | 'reconciliation';
type ByRegion = Readonly<Record<string, string>>;

interface Front {
  readonly name: string;
  readonly proxy: Proxy;
  readonly targetPort: number;
}

/** What each part listens on for its clients, by its names in the stack. */
const PORT_NAMES = { kafka: 'broker', dynamodb: 'http' } as const;
export const STORES = ['kafka', 'dynamodb'] as const;
export const SERVICES = ['ingest', 'reconciliation'] as const;

export class Fronts {
  private constructor(private readonly fronts: Front[]) {}

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
    const stores = this.fronts.filter(({ name }) => STORES.some((store) => name.startsWith(`${store}/`)));
    return Object.fromEntries(stores.map(({ name, proxy, targetPort }) => [name, { [PORT_NAMES[name.split('/')[0] as Store]]: targetPort, advertised: proxy.port }]));
  }

  /** Answers where the services are to be asked instead, by region. */
  async stand(urls: Readonly<Record<Service, ByRegion>>): Promise<Readonly<Record<Service, ByRegion>>> {
    const stood = async (service: Service): Promise<ByRegion> => {
      const entries = Object.entries(urls[service]).map(async ([region, url]) => {
        const targetPort = Number(new URL(url).port);
        const proxy = await Proxy.listen({ targetPort, port: 0 });
        this.fronts.push({ name: `${service}/${region}`, targetPort, proxy });
        return [region, `http://${HOST}:${proxy.port}`] as const;
      });
      return Object.fromEntries(await Promise.all(entries));
    };
    return { ingest: await stood('ingest'), reconciliation: await stood('reconciliation') };
  }

  set(store: Store | Service, region: string, fault: NetworkFault): void {
    this.of(store, region).proxy.set(fault);
  }

  /** How often faults have done something to its clients, so far. */
  touched(store: Store | Service, region: string): number {
    return this.of(store, region).proxy.touched;
  }

  /** The port that its clients connect to. */
  clientPortOf(store: Store, region: string): number {
    return this.of(store, region).proxy.port;
  }

  async close(): Promise<void> {
    await Promise.all(this.fronts.map(({ proxy }) => proxy.close()));
  }

  private of(store: Store | Service, region: string): Front {
    return this.fronts.find(({ name }) => name === `${store}/${region}`) as Front;
  }
}
