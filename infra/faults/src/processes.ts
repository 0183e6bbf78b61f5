/**
 * The stack's processes as an orchestrator has them: what ends without being told to is started again. What a fault
 * takes down stays down until the fault brings it back.
 */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@meridian/local';
import { FaultsError } from './errors';

export type Env = Readonly<Record<string, string>>;

const LOOK_EVERY_MS = 500;

export class Processes {
  private readonly held = new Set<string>();
  private readonly starting = new Map<string, Promise<void>>();
  /** Variables of those that run with others than usual. */
  private readonly envs = new Map<string, Env>();

  constructor(
    private readonly stack: Stack,
    private readonly say: (line: string) => void,
  ) {}

  /** Until it is aborted, and then until nothing is being started. */
  async supervise(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const name of await this.stack.idle().catch(() => [])) {
        if (signal.aborted || this.held.has(name) || this.starting.has(name)) continue;
        this.say(`${name} has ended: starting it again`);
        void this.begin(name).catch((error: unknown) => {
          if (!signal.aborted) this.say(`${name} did not start: ${(error as Error).message.split('\n', 1)[0]}`);
        });
      }
      await sleep(LOOK_EVERY_MS);
    }
    await Promise.allSettled(this.starting.values());
  }

  /** They are down, and stay so: killed, as by a crash, unless they had ended already. */
  async down(...names: readonly string[]): Promise<void> {
    for (const name of names) this.held.add(name);
    await Promise.all(names.map((name) => this.stack.kill(name)));
    // What was being started meanwhile fails soon, or runs.
    await Promise.allSettled(names.map((name) => this.starting.get(name) ?? Promise.resolve()));
    await Promise.all(names.map((name) => this.stack.kill(name)));
  }

  /** `kill -9`; they stay down. Rejects unless all of them were running, and now none is. */
  async crash(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.pidOf(name);
    await this.down(...names);
    for (const name of names) if ((await this.stack.pidOf(name)) !== undefined) throw new FaultsError('faults_not_as_expected', `${name} still runs after kill -9`);
  }

  /** Resolves when it is healthy. With variables, until it goes down by `down` again. */
  async up(name: string, env?: Env): Promise<void> {
    if (env) this.envs.set(name, env);
    else this.envs.delete(name);
    await this.starting.get(name)?.catch(() => undefined);
    try {
      await this.begin(name);
    } finally {
      this.held.delete(name);
    }
  }

  async restart(name: string, env?: Env): Promise<void> {
    await this.down(name);
    await this.up(name, env);
  }

  /** SIGSTOP or SIGCONT: nothing else happens to it. Rejects when it does not run. */
  async signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    process.kill(await this.pidOf(name), signal);
  }

  /** Resolves with a function that answers what it has said since, also after it was started again. */
  async listen(name: string): Promise<() => Promise<string>> {
    const file = await this.stack.logOf(name);
    const { size } = await stat(file);
    return async () => (await readFile(file)).subarray(size).toString();
  }

  private async pidOf(name: string): Promise<number> {
    const pid = await this.stack.pidOf(name);
    if (pid === undefined) throw new FaultsError('faults_not_as_expected', `${name} does not run, so that nothing can be done to it`);
    return pid;
  }

  private begin(name: string): Promise<void> {
    const started = this.stack.start(name, this.envs.get(name)).finally(() => this.starting.delete(name));
    this.starting.set(name, started);
    return started;
  }
}
