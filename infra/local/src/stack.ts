/**
 * The stack: per region one Kafka and one DynamoDB Local, a replicator for all, and with `apps` the services, as
 * processes that outlive the command. Neighbours: `members.ts` runs them, `setup.ts` makes what the services need.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKeys, removeRunning, writeKeys, writeRunning } from './data-files';
import { StackError } from './errors';
import { statusOf } from './http';
import { jarsOf } from './jars';
import { Members, PARTS } from './members';
import { APP_NAMES, KINDS, PART_NAMES, type Kind, type Launch, type PartName, type Ports } from './part';
import { createKeys, createStores } from './setup';
import { nameOf, readState, withLock, type Member } from './state';
import { findJava } from './tools';

export interface UpOptions {
  /** Which to have; those that run already stay. Default: what the directory has, else `REGIONS_DEFAULT`. */
  readonly regions?: readonly string[];
  /** Default: all. */
  readonly parts?: readonly PartName[];
  /** The services too. */
  readonly apps?: boolean;
  /** First of the ports; without it, free ones. Those that the directory has are kept while they are free. */
  readonly portsFrom?: number;
  /** By name in `status`, such as `kafka/us-east-1`: of those that the directory does not have yet. */
  readonly ports?: Readonly<Record<string, Ports>>;
  /** Told what goes on. */
  readonly say?: (line: string) => void;
}

type ByRegion<T> = Readonly<Record<string, T>>;

/** Of what is healthy. */
export interface Status {
  readonly directory: string;
  readonly ingest?: ByRegion<string>;
  readonly aggregator?: ByRegion<readonly string[]>;
  readonly reconciliation?: ByRegion<string>;
  /** `host:port` of each region's broker. */
  readonly kafka: ByRegion<string>;
  readonly dynamodb: ByRegion<string>;
  readonly replicator?: string;
  /** Of the platform. */
  readonly key?: string;
  readonly processes: readonly (Member & { readonly name: string; readonly endpoint: string; readonly isHealthy: boolean })[];
}

export const REGIONS_DEFAULT = ['us-east-1', 'eu-west-1', 'ap-southeast-1'] as const;

const REGION = /^[A-Za-z0-9_-]{1,64}$/;
/** A key is put into one region, and its row reaches the others within a second. */
const KEYS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;

export class Stack {
  private readonly members: Members;
  private acting: Promise<unknown> = Promise.resolve();

  constructor(readonly directory: string) {
    this.members = new Members(directory);
  }

  /** Resolves when all that is asked for is healthy. Twice is as good as once. */
  up(options: UpOptions = {}): Promise<Status> {
    return this.locked(async () => {
      await findJava();
      const members = await this.wanted(options);
      for (const part of ['kafka', 'dynamodb'] as const) if (members.some((one) => one.part === part)) await jarsOf(part, () => options.say?.(`fetching ${part} from Maven Central …`));
      // Of one kind at a time: a machine of two cores starts three brokers faster than six of everything.
      for (const part of PART_NAMES) await this.startAll(members.filter((one) => one.part === part), options);
      if (options.apps === true) await this.upApps(members, options);
      return this.status();
    });
  }

  /** Resolves when none of its processes is left. What is on disk stays. */
  down(): Promise<void> {
    return this.locked(async () => {
      await removeRunning(this.directory);
      const { members } = await readState(this.directory);
      const stop = (kinds: readonly Kind[]): Promise<unknown> => Promise.all(members.filter(({ part }) => kinds.includes(part)).map((one) => this.members.stop(one)));
      // What writes stops first, and finds what it writes to.
      await stop(APP_NAMES);
      await stop(['replicator']);
      await stop(['kafka', 'dynamodb']);
    });
  }

  /** `down`, and nothing of it stays on disk. */
  async reset(): Promise<void> {
    await this.down();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Kills one process, as a crash does: by its name in `status`, such as `aggregator/us-east-1/2`. */
  async kill(name: string): Promise<void> {
    await this.members.kill(await this.named(name));
  }

  /**
   * Starts one process again that was killed or stopped, at the same ports, with `env` beside its variables this time.
   * Resolves when it is healthy.
   */
  async start(name: string, env: Launch['env'] = {}): Promise<void> {
    const member = await this.locked(async () => this.members.start(await this.named(name), { arePortsFixed: true, env }));
    await this.members.untilHealthy(member);
    // One at a time: several may have been started at once.
    await this.locked(() => this.announce());
  }

  /** Undefined when it does not run. */
  async pidOf(name: string): Promise<number | undefined> {
    const member = await this.named(name);
    return (await this.members.isRunning(member)) ? member.pid : undefined;
  }

  /** Names of those that do not run, whatever ended them. */
  async idle(): Promise<readonly string[]> {
    const { members } = await readState(this.directory);
    const running = await Promise.all(members.map((one) => this.members.isRunning(one)));
    return members.filter((_, at) => running[at] !== true).map(nameOf);
  }

  async status(): Promise<Status> {
    const { members } = await readState(this.directory);
    const sorted = members.toSorted((a, b) => a.region.localeCompare(b.region) || KINDS.indexOf(a.part) - KINDS.indexOf(b.part) || (a.instance ?? 0) - (b.instance ?? 0));
    const processes = await Promise.all(sorted.map(async (one) => ({ name: nameOf(one), ...one, endpoint: PARTS[one.part].endpoint(one.ports), isHealthy: await this.members.isHealthy(one) })));
    const healthy = (kind: Kind) => processes.filter(({ part, isHealthy }) => part === kind && isHealthy);
    const urls = (kind: Kind): Record<string, string> => Object.fromEntries(healthy(kind).map(({ region, endpoint }) => [region, endpoint]));
    const [ingest, reconciliation, aggregators, [replicator]] = [urls('ingest'), urls('reconciliation'), Object.groupBy(healthy('aggregator'), ({ region }) => region), healthy('replicator')];
    const aggregator = Object.fromEntries(Object.entries(aggregators).map(([region, all = []]) => [region, all.map(({ endpoint }) => endpoint)]));
    const keys = await readKeys(this.directory);
    const hasApps = Object.keys({ ...ingest, ...reconciliation, ...aggregator }).length > 0;
    return {
      directory: this.directory,
      ...(hasApps && { ingest, aggregator, reconciliation }),
      kafka: urls('kafka'),
      dynamodb: urls('dynamodb'),
      ...(replicator && { replicator: replicator.endpoint }),
      ...(hasApps && keys && { key: keys.platform }),
      processes,
    };
  }

  /** File that a process writes what it has to say to. */
  logFile(member: Member): string {
    return this.members.logFile(member);
  }

  /** `logFile` by the name in `status`. */
  async logOf(name: string): Promise<string> {
    return this.members.logFile(await this.named(name));
  }

  private async wanted({ regions, parts = PART_NAMES, apps = false, portsFrom, ports: given = {} }: UpOptions): Promise<readonly Member[]> {
    const state = await readState(this.directory);
    const asked = regions ?? (state.regions.length > 0 ? state.regions : REGIONS_DEFAULT);
    for (const region of asked) if (!REGION.test(region)) throw new StackError('stack_invalid', `a region's name matches ${REGION.source}: ${JSON.stringify(region)} does not`);
    await this.members.addRegions(asked);
    let next = portsFrom;
    const wanted: Member[] = [];
    const want = (part: Kind, region: string): void => {
      const { instances } = PARTS[part];
      for (let instance = 1; instance <= instances; instance++) {
        const one = { part, region, ...(instances > 1 && { instance }) };
        const ports: Record<string, number> = { ...given[nameOf(one)], ...state.members.find((known) => nameOf(known) === nameOf(one))?.ports };
        for (const name of PARTS[part].ports) if (next !== undefined) ports[name] = next++;
        wanted.push({ ...one, ports });
      }
    };
    const kinds: readonly Kind[] = [...parts, ...(apps ? APP_NAMES : [])];
    for (const region of asked) for (const kind of kinds) if (PARTS[kind].isPerRegion) want(kind, region);
    for (const kind of kinds) if (!PARTS[kind].isPerRegion) want(kind, '');
    return wanted;
  }

  private async startAll(members: readonly Member[], { portsFrom, say }: UpOptions): Promise<void> {
    if (members.length === 0) return;
    say?.(`waiting for ${members.map(nameOf).join(', ')} …`);
    await Promise.all(
      members.map(async (one) => {
        const started = await this.members.start(one, { arePortsFixed: portsFrom !== undefined });
        await this.members.untilHealthy(started);
        say?.(`${nameOf(started)} is healthy at ${PARTS[started.part].endpoint(started.ports)}`);
      }),
    );
  }

  private async upApps(members: readonly Member[], options: UpOptions): Promise<void> {
    const layout = await this.members.layout();
    const regions = [...new Set(members.map(({ region }) => region).filter((region) => region !== ''))];
    options.say?.(`creating tables and topics in ${regions.join(', ')} …`);
    await createStores(layout, regions);
    let keys = await readKeys(this.directory);
    if (!keys) await writeKeys(this.directory, (keys = await createKeys(layout)));
    for (const kind of APP_NAMES) await this.startAll(members.filter((one) => one.part === kind), options);
    options.say?.('waiting until every region knows the keys …');
    await Promise.all(members.filter(({ part }) => part === 'reconciliation').map((one) => this.untilKnown(one, keys.platform)));
    await this.announce();
  }

  private async untilKnown(member: Member, key: string): Promise<void> {
    const port = (await this.members.find(member))?.ports['http'];
    const until = Date.now() + KEYS_WITHIN_MS;
    while ((await statusOf({ port, path: '/v1/coverage', key })) === 401) {
      if (Date.now() >= until) throw new StackError('stack_not_started', `${nameOf(member)} does not know the key in keys.json: is the replicator at work? npm run stack -- logs`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** So that `meridian … --data` finds them. */
  private async announce(): Promise<void> {
    const { members } = await readState(this.directory);
    const endpointOf = (kind: Kind, region: string): string => {
      const member = members.find((one) => one.part === kind && one.region === region && (one.instance ?? 1) === 1);
      return member ? PARTS[kind].endpoint(member.ports) : '';
    };
    const pid = members.find(({ part }) => part === 'replicator')?.pid ?? 0;
    const urls = (region: string) => ({ ingest: endpointOf('ingest', region), aggregator: endpointOf('aggregator', region), reconciliation: endpointOf('reconciliation', region) });
    const served = members.filter(({ part, pid: isStarted }) => part === 'ingest' && isStarted !== undefined).map(({ region }) => region);
    if (served.length > 0) await writeRunning(this.directory, { pid, regions: Object.fromEntries(served.sort().map((region) => [region, urls(region)])) });
  }

  private async named(name: string): Promise<Member> {
    const { members } = await readState(this.directory);
    const member = members.find((one) => nameOf(one) === name);
    if (!member) throw new StackError('stack_invalid', `there is no ${name}: there are ${members.map(nameOf).sort().join(', ')}`);
    return member;
  }

  /** One command at a time, of ours and of others. */
  private locked<T>(act: () => Promise<T>): Promise<T> {
    const done = this.acting.then(() => withLock(this.directory, act));
    this.acting = done.catch(() => undefined);
    return done;
  }
}
