/** What the stack knows of a kind of process that it runs once per region. Implemented by `kafka.ts` and `dynamodb.ts`. */
import type { PartName } from './jars';

/** Port by what it is for. */
export type Ports = Readonly<Record<string, number>>;

export interface Preparation {
  readonly java: string;
  /** Folder with the part's jars. */
  readonly jars: string;
  /** Folder of this region's part; what is below it survives `down`. */
  readonly directory: string;
  readonly region: string;
  readonly ports: Ports;
}

export interface Part {
  readonly name: PartName;
  /** What it needs ports for. */
  readonly ports: readonly string[];
  /** How a client names it. */
  endpoint(ports: Ports): string;
  /** Makes the directory ready, any number of times, and answers the arguments of Java. */
  prepare(preparation: Preparation): Promise<readonly string[]>;
  isHealthy(ports: Ports): Promise<boolean>;
}
