/**
 * The processes of a stack: each started at the ports it had before, ended, looked at. Invariant: a process is in the
 * state file from the moment it has a pid until it is gone, so `down` finds all of them, whatever happened to the
 * command that started them.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aggregator, ingest, reconciliation } from './apps';
import { dynamodb } from './dynamodb';
import { StackError } from './errors';
import { kafka } from './kafka';
import type { Kind, Launch, Layout, Part, Ports } from './part';
import { freePort } from './ports';
import { isRunning, startDetached, stop, type Started } from './processes';
import { replicator } from './replicator-part';
import { nameOf, readState, writeState, type Member, type State } from './state';

export const PARTS: Readonly<Record<Kind, Part>> = { kafka, dynamodb, replicator, aggregator, reconciliation, ingest };

export interface StartOptions {
  /** The member's ports are what they have to be, not just what they would best be. */
  readonly arePortsFixed: boolean;
  /** Beside the variables that its part gives it. */
  readonly env?: Launch['env'];
}

/** A cold start of a broker on a busy machine with two cores takes about 10 s. */
const HEALTHY_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;
/** Lines of a log told when its process did not become healthy. */
const TOLD_LINES = 20;

export class Members {
  private writing: Promise<unknown> = Promise.resolve();

  constructor(private readonly directory: string) {}

  /** Where the processes are, running or not. */
  async layout(): Promise<Layout> {
    const { regions, members } = await readState(this.directory);
    const endpoints = (kind: Kind): Record<string, string> =>
      Object.fromEntries(members.filter(({ part }) => part === kind).map(({ region, ports }) => [region, PARTS[kind].endpoint(ports)]));
    return { regions, kafka: endpoints('kafka'), dynamodb: endpoints('dynamodb') };
  }

  logFile(member: Member): string {
    return join(this.home(member), `${member.part}.log`);
  }

  /** Resolves when it has been started, or runs already as it should; `untilHealthy` waits on. */
  async start(wanted: Member, { arePortsFixed, env = {} }: StartOptions): Promise<Member> {
    const part = PARTS[wanted.part];
    const before = await this.find(wanted);
    const isHealthy = before !== undefined && (await this.isHealthy(before));
    if (before && isHealthy && before.launch === digest(await this.prepare(before, env))) return before;
    // Running but not healthy: it hangs, or somebody ended the command that waited for it. Or it was started otherwise.
    if (before) await this.stop(before);
    const ports = arePortsFixed ? wanted.ports : await freePorts(part, wanted.ports);
    const launch = await this.prepare({ ...wanted, ports }, env);
    const [mark, logFile, cwd] = [this.mark(wanted), this.logFile(wanted), this.home(wanted)];
    const { pid } = await startDetached(launch.command, launch.args, { mark, logFile, cwd, env: launch.env });
    const { pid: _, ...named } = wanted;
    const member = { ...named, ports, launch: digest(launch), pid };
    await this.record(member);
    return member;
  }

  /** Rejects with the end of its log when it does not become healthy, and then it is stopped. */
  async untilHealthy(member: Member): Promise<void> {
    const until = Date.now() + HEALTHY_WITHIN_MS;
    while (Date.now() < until && (await isRunning(this.started(member)))) {
      if (await PARTS[member.part].isHealthy(member.ports)) return;
      await sleep(LOOK_EVERY_MS);
    }
    const log = await readFile(this.logFile(member), 'utf8').catch(() => '');
    await this.stop(member);
    const told = log.trimEnd().split('\n').slice(-TOLD_LINES).join('\n');
    throw new StackError('stack_not_started', `${nameOf(member)} did not become healthy. Its log ends:\n${told}`);
  }

  async stop(member: Member): Promise<void> {
    if (member.pid === undefined) return;
    await stop(this.started(member), PARTS[member.part].drainMs);
    const { pid: _, ...stopped } = member;
    await this.record(stopped);
  }

  /** As a crash: at once, and the state does not know. */
  kill(member: Member): Promise<void> {
    return stop(this.started(member));
  }

  isRunning(member: Member): Promise<boolean> {
    return isRunning(this.started(member));
  }

  async isHealthy(member: Member): Promise<boolean> {
    return (await isRunning(this.started(member))) && PARTS[member.part].isHealthy(member.ports);
  }

  async find(wanted: Pick<Member, 'part' | 'region' | 'instance'>): Promise<Member | undefined> {
    const { members } = await readState(this.directory);
    return members.find((one) => nameOf(one) === nameOf(wanted));
  }

  /** Regions keep their order: new ones come last. */
  addRegions(regions: readonly string[]): Promise<void> {
    return this.update((state) => ({ ...state, regions: [...new Set([...state.regions, ...regions])] }));
  }

  private record(member: Member): Promise<void> {
    return this.update(({ regions, members }) => ({ regions, members: [...members.filter((one) => nameOf(one) !== nameOf(member)), member] }));
  }

  private update(change: (state: State) => State): Promise<void> {
    const written = this.writing.then(async () => writeState(this.directory, change(await readState(this.directory))));
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async prepare(member: Member, env: Launch['env']): Promise<Launch> {
    const directory = this.home(member);
    await mkdir(directory, { recursive: true });
    const { region, ports } = member;
    const launch = await PARTS[member.part].prepare({ directory, region, ports, layout: await this.layout(), mark: this.mark(member) });
    return { ...launch, env: { ...launch.env, ...env } };
  }

  private home({ part, region, instance }: Member): string {
    return join(this.directory, region, instance === undefined ? part : `${part}-${instance}`);
  }

  /** What no other stack's processes have on their command line. */
  private mark(member: Member): string {
    return `meridian.stack=${this.home(member)}`;
  }

  private started(member: Member): Started {
    return { pid: member.pid ?? 0, mark: this.mark(member) };
  }
}

/** Fresh ones for those that somebody else has taken meanwhile. */
async function freePorts(part: Part, preferred: Ports): Promise<Ports> {
  const ports: Record<string, number> = { ...preferred };
  for (const name of part.ports) ports[name] = await freePort(preferred[name]);
  return ports;
}

function digest({ command, args, env }: Launch): string {
  return createHash('sha256').update(JSON.stringify([command, args, env])).digest('hex');
}
