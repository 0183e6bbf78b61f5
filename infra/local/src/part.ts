/**
 * What the stack knows of a kind of process that it runs. Implemented by `kafka.ts`, `dynamodb.ts`, `replicator-part.ts`
 * and `apps.ts`.
 */

/** Port by what it is for. `advertised`, where there is one, is what clients are told instead: something of the caller's listens there and passes it on. */
export type Ports = Readonly<Record<string, number>>;

export const PART_NAMES = ['kafka', 'dynamodb', 'replicator'] as const;
export const APP_NAMES = ['aggregator', 'reconciliation', 'ingest'] as const;
/** In the order in which they start; they stop the other way round. */
export const KINDS = [...PART_NAMES, ...APP_NAMES] as const;
export type PartName = (typeof PART_NAMES)[number];
export type AppName = (typeof APP_NAMES)[number];
export type Kind = (typeof KINDS)[number];

/** Where the parts are, whether they run or not. */
export interface Layout {
  /** The control table is in the first one. */
  readonly regions: readonly string[];
  /** `host:port` by region. */
  readonly kafka: Readonly<Record<string, string>>;
  /** URL by region. */
  readonly dynamodb: Readonly<Record<string, string>>;
}

export interface Preparation {
  /** Folder of this process; what is below it survives `down`. */
  readonly directory: string;
  /** Empty for what is there once for all regions. */
  readonly region: string;
  readonly ports: Ports;
  readonly layout: Layout;
  /** By which the process is known as the stack's: an argument of its command line has to end with it. */
  readonly mark: string;
}

/** How a process is started. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** Beside what whoever starts the stack has; `undefined` takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Part {
  readonly kind: Kind;
  /** Once per region, or once for all. */
  readonly isPerRegion: boolean;
  readonly instances: number;
  /** What it needs ports for. */
  readonly ports: readonly string[];
  /** How long it may take to end after SIGTERM, ms. */
  readonly drainMs: number;
  /** How a client names it. */
  endpoint(ports: Ports): string;
  /** Makes the directory ready, any number of times, and answers how to start it. */
  prepare(preparation: Preparation): Promise<Launch>;
  isHealthy(ports: Ports): Promise<boolean>;
}
