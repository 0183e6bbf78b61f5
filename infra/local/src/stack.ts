/**
 * The stack: per region one Kafka and one DynamoDB Local, as processes that outlive the command. Invariant: a process
 * is in the state file from the moment it has a pid until it is gone, so `down` finds all of them, whatever happened
 * to the command that started them.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dynamodb } from './dynamodb';
import { StackError } from './errors';
import { jarsOf, type PartName } from './jars';
import { kafka } from './kafka';
import type { Part, Ports } from './part';
import { freePort } from './ports';
import { isRunning, startDetached, stop } from './processes';
import { readState, withLock, writeState, type Member } from './state';
import { findJava } from './tools';

export interface UpOptions {
  /** Which to have; those that run already stay. Default: what the directory has, else `REGIONS_DEFAULT`. */
  readonly regions?: readonly string[];
  readonly parts?: readonly PartName[];
  /** First of the ports; without it, free ones. Those that the directory has are kept while they are free. */
  readonly portsFrom?: number;
  /** Told what goes on. */
  readonly say?: (line: string) => void;
}

export interface Status {
  readonly directory: string;
  /** `host:port` of each region's healthy broker. */
  readonly kafka: Readonly<Record<string, string>>;
  /** URL of each region's healthy DynamoDB. */
  readonly dynamodb: Readonly<Record<string, string>>;
  readonly processes: readonly (Member & { readonly isHealthy: boolean })[];
}

export const REGIONS_DEFAULT = ['us-east-1', 'eu-west-1', 'ap-southeast-1'] as const;
export const PARTS: Readonly<Record<PartName, Part>> = { kafka, dynamodb };
export const PART_NAMES: readonly PartName[] = ['kafka', 'dynamodb'];

const REGION = /^[A-Za-z0-9_-]{1,64}$/;
/** A cold start of a broker on a busy machine with two cores takes about 10 s. */
const HEALTHY_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;
/** Lines of a log told when its process did not become healthy. */
const TOLD_LINES = 20;

export class Stack {
  constructor(readonly directory: string) {}

  /** Resolves when all that is asked for is healthy. Twice is as good as once. */
  up(options: UpOptions = {}): Promise<Status> {
    return withLock(this.directory, async () => {
      const java = await findJava();
      const members = await this.wanted(options);
      for (const { part } of members) await jarsOf(part, () => options.say?.(`fetching ${part} from Maven Central …`));
      // Of one kind at a time: a machine of two cores starts three brokers faster than six of everything.
      for (const part of PART_NAMES) {
        await Promise.all(members.filter((one) => one.part === part).map((one) => this.start(one, java, options)));
      }
      return this.status();
    });
  }

  /** Resolves when none of its processes is left. What is on disk stays. */
  down(): Promise<void> {
    return withLock(this.directory, async () => {
      const { members } = await readState(this.directory);
      await Promise.all(members.map((one) => this.stop(one)));
    });
  }

  /** `down`, and nothing of it stays on disk. */
  async reset(): Promise<void> {
    await this.down();
    await rm(this.directory, { recursive: true, force: true });
  }

  async status(): Promise<Status> {
    const { members } = await readState(this.directory);
    const sorted = members.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const processes = await Promise.all(sorted.map(async (one) => ({ ...one, isHealthy: await this.isHealthy(one) })));
    const endpoints = (part: PartName): Record<string, string> =>
      Object.fromEntries(processes.filter((one) => one.part === part && one.isHealthy).map((one) => [one.region, PARTS[part].endpoint(one.ports)]));
    return { directory: this.directory, kafka: endpoints('kafka'), dynamodb: endpoints('dynamodb'), processes };
  }

  /** File that a region's part writes what it has to say to. */
  logFile({ part, region }: Pick<Member, 'part' | 'region'>): string {
    return join(this.home({ part, region }), `${part}.log`);
  }

  private home({ part, region }: Pick<Member, 'part' | 'region'>): string {
    return join(this.directory, region, part);
  }

  /** What no other stack's processes have on their command line. */
  private mark({ part, region }: Member): string {
    return `-Dmeridian.stack=${this.home({ part, region })}`;
  }

  private async wanted({ regions, parts = PART_NAMES, portsFrom }: UpOptions): Promise<readonly Member[]> {
    const { members } = await readState(this.directory);
    const known = [...new Set(members.map(({ region }) => region))];
    const asked = regions ?? (known.length > 0 ? known : REGIONS_DEFAULT);
    for (const region of asked) if (!REGION.test(region)) throw new StackError('stack_invalid', `a region's name matches ${REGION.source}: ${JSON.stringify(region)} does not`);
    let next = portsFrom;
    const wanted: Member[] = [];
    for (const region of asked) {
      for (const part of parts) {
        const ports: Record<string, number> = { ...members.find((one) => one.part === part && one.region === region)?.ports };
        for (const name of PARTS[part].ports) if (next !== undefined) ports[name] = next++;
        wanted.push({ part, region, ports });
      }
    }
    return wanted;
  }

  private async start(wanted: Member, java: string, { portsFrom, say }: UpOptions): Promise<void> {
    const part = PARTS[wanted.part];
    const name = `${wanted.part} of ${wanted.region}`;
    const before = await this.find(wanted);
    if (before && (await this.isHealthy(before))) return;
    // Running but not healthy: it hangs, or somebody ended the command that waited for it.
    if (before) await this.stop(before);
    const ports = portsFrom === undefined ? await freePorts(part, wanted.ports) : wanted.ports;
    const directory = this.home(wanted);
    await mkdir(directory, { recursive: true });
    const jars = await jarsOf(wanted.part, () => undefined);
    const args = await part.prepare({ java, jars, directory, region: wanted.region, ports });
    const mark = this.mark(wanted);
    const { pid } = await startDetached(java, [mark, ...args], { mark, logFile: this.logFile(wanted), cwd: directory });
    const member = { ...wanted, ports, pid };
    await this.record(member);
    await this.untilHealthy(member);
    say?.(`${name} is healthy at ${part.endpoint(ports)}`);
  }

  private async stop(member: Member): Promise<void> {
    if (member.pid === undefined) return;
    await stop({ pid: member.pid, mark: this.mark(member) });
    const { pid: _, ...stopped } = member;
    await this.record(stopped);
  }

  private async find({ part, region }: Member): Promise<Member | undefined> {
    const { members } = await readState(this.directory);
    return members.find((one) => one.part === part && one.region === region);
  }

  private recording = Promise.resolve();

  private record(member: Member): Promise<void> {
    const written = this.recording.then(async () => {
      const { members } = await readState(this.directory);
      const others = members.filter((one) => one.part !== member.part || one.region !== member.region);
      await writeState(this.directory, { members: [...others, member] });
    });
    this.recording = written.catch(() => undefined);
    return written;
  }

  private async isHealthy(member: Member): Promise<boolean> {
    if (member.pid === undefined || !(await isRunning({ pid: member.pid, mark: this.mark(member) }))) return false;
    return PARTS[member.part].isHealthy(member.ports);
  }

  private async untilHealthy(member: Member & { readonly pid: number }): Promise<void> {
    const process = { pid: member.pid, mark: this.mark(member) };
    const until = Date.now() + HEALTHY_WITHIN_MS;
    while (Date.now() < until && (await isRunning(process))) {
      if (await PARTS[member.part].isHealthy(member.ports)) return;
      await sleep(LOOK_EVERY_MS);
    }
    const log = await readFile(this.logFile(member), 'utf8').catch(() => '');
    await this.stop(member);
    const told = log.trimEnd().split('\n').slice(-TOLD_LINES).join('\n');
    throw new StackError('stack_not_started', `${member.part} of ${member.region} did not become healthy. Its log ends:\n${told}`);
  }
}

function nameOf({ part, region }: Member): string {
  return `${region} ${part}`;
}

/** Fresh ones for those that somebody else has taken meanwhile. */
async function freePorts(part: Part, preferred: Ports): Promise<Ports> {
  const ports: Record<string, number> = {};
  for (const name of part.ports) ports[name] = await freePort(preferred[name]);
  return ports;
}
