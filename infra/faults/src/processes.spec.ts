import { mkdtempSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@meridian/local';
import { Processes } from './processes';

const log = join(mkdtempSync(join(tmpdir(), 'meridian-processes-')), 'a.log');

/** Of one process, which runs until it is killed, or not at all. */
function fake(pid: number | undefined, isImmortal = false): { readonly processes: Processes; readonly killed: string[] } {
  let running = pid;
  const killed: string[] = [];
  const stack = {
    pidOf: async () => running,
    kill: async (name: string) => {
      killed.push(name);
      if (!isImmortal) running = undefined;
    },
    logOf: async () => log,
  };
  return { processes: new Processes(stack as unknown as Stack, () => undefined), killed };
}

describe('processes that a fault does something to', () => {
  it('are killed, and a fault knows that they ran before and do not after', async () => {
    const { processes, killed } = fake(1_234);
    await processes.crash('a');
    expect(killed).toContain('a');
    await expect(fake(undefined).processes.crash('a')).rejects.toThrow('a does not run');
    await expect(fake(1_234, true).processes.crash('a')).rejects.toThrow('a still runs after kill -9');
  });

  it('are down when they are to be, also when they had ended', async () => {
    await expect(fake(undefined).processes.down('a')).resolves.toBeUndefined();
  });

  it('are not signalled when they do not run', async () => {
    await expect(fake(undefined).processes.signal('a', 'SIGSTOP')).rejects.toThrow('a does not run');
  });

  it('are listened to from then on', async () => {
    writeFileSync(log, 'before\n');
    const said = await fake(undefined).processes.listen('a');
    expect(await said()).toBe('');
    appendFileSync(log, 'after\n');
    expect(await said()).toBe('after\n');
  });
});
