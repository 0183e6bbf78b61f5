/** The stack as a user starts and ends it: real processes, in a directory of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Stack, type Status } from './stack';

const run = promisify(execFile);
const MAIN = resolve(__dirname, '../dist/main.js');
/** Two regions' brokers and databases, and the jars when they are not there. */
const TIMEOUT_MS = 300_000;

let directory: string;
let stack: Stack;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stack-'));
  stack = new Stack(directory);
});
afterEach(async () => {
  await stack.reset();
  await rm(directory, { recursive: true, force: true });
}, TIMEOUT_MS);

/** A process that is configured so cannot start. */
const DAMAGING = 'MERIDIAN_FLUSH_AGE_MS';

function pids({ processes }: Status): (number | undefined)[] {
  return processes.map(({ pid }) => pid).sort();
}

/** Processes of this machine with the stack's directory on their command line. */
async function left(): Promise<string[]> {
  const lines = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(`meridian.stack=${directory}`));
}

describe('the stack', () => {
  it('comes up once however often it is asked, comes back as it was, and leaves nothing running', async () => {
    const first = await stack.up({ regions: ['here', 'there'] });
    expect([Object.keys(first.kafka), Object.keys(first.dynamodb)].map((regions) => regions.sort())).toEqual([['here', 'there'], ['here', 'there']]);
    expect(pids(await stack.up())).toEqual(pids(first));
    await stack.down();
    expect(await left()).toEqual([]);
    expect(await stack.status()).toMatchObject({ kafka: {}, dynamodb: {} });
    const again = await stack.up();
    expect([again.kafka, again.dynamodb, again.replicator]).toEqual([first.kafka, first.dynamodb, first.replicator]);
    await stack.reset();
    expect(await left()).toEqual([]);
    await expect(readdir(directory)).rejects.toThrow();
  }, TIMEOUT_MS);

  it('brings back a part that was killed, and ends what a killed `up` has started', async () => {
    const parts = { regions: ['here'], parts: ['dynamodb'] } as const;
    const { processes: [killed] } = await stack.up(parts);
    process.kill(killed!.pid!, 'SIGKILL');
    expect((await stack.up(parts)).processes[0]).toMatchObject({ isHealthy: true, ports: killed!.ports });
    const starting = run(process.execPath, [MAIN, 'up', '--directory', directory, '--regions', 'there']);
    while ((await left()).length < 2) await new Promise((wait) => setTimeout(wait, 20));
    starting.child.kill('SIGKILL');
    await starting.catch(() => undefined);
    await stack.down();
    expect(await left()).toEqual([]);
  }, TIMEOUT_MS);

  it('runs the services from built code, and its directory tells other commands where', async () => {
    const { ingest, aggregator, reconciliation, replicator, key = '' } = await stack.up({ regions: ['here'], apps: true });
    expect([Object.keys(ingest ?? {}), aggregator?.['here']?.length]).toEqual([['here'], 2]);
    const keys = JSON.parse(await readFile(join(directory, 'keys.json'), 'utf8')) as { readonly demo: string; readonly platform: string };
    expect(keys).toEqual({ platform: key, demo: expect.stringMatching(/^mk_/) as string });
    expect((await stat(join(directory, 'keys.json'))).mode & 0o777).toBe(0o600);
    const coverage = await fetch(`${reconciliation?.['here']}/v1/coverage`, { headers: { authorization: `Bearer ${key}` } });
    expect(coverage.status).toBe(200);

    await stack.kill('aggregator/here/1');
    expect((await stack.status()).aggregator?.['here']).toEqual([aggregator?.['here']?.[1]]);
    await stack.kill('replicator');
    await Promise.all([stack.start('aggregator/here/1'), stack.start('replicator')]);
    const again = await stack.up({ apps: true });
    expect([again.ingest, again.aggregator, again.replicator, again.key]).toEqual([ingest, aggregator, replicator, key]);
    const running = JSON.parse(await readFile(join(directory, 'meridian.json'), 'utf8')) as object;
    const pid = again.processes.find(({ name }) => name === 'replicator')?.pid;
    expect(running).toEqual({ pid, regions: { here: { ingest: ingest?.['here'], aggregator: aggregator?.['here']?.[0], reconciliation: reconciliation?.['here'] } } });

    await stack.down();
    expect(await left()).toEqual([]);
    await expect(readFile(join(directory, 'meridian.json'))).rejects.toThrow('ENOENT');
  }, TIMEOUT_MS);

  it('ends with what a service says that cannot start', async () => {
    process.env[DAMAGING] = 'soon';
    try {
      await expect(stack.up({ regions: ['here'], apps: true })).rejects.toMatchObject({ code: 'stack_not_started', message: expect.stringMatching(/aggregator\/here\/\d did not become healthy[^]*MERIDIAN_FLUSH_AGE_MS/) as string });
    } finally {
      Reflect.deleteProperty(process.env, DAMAGING);
    }
  }, TIMEOUT_MS);

  it('says what to install where there is no Java', async () => {
    const failing = run(process.execPath, [MAIN, 'up', '--directory', directory], { env: { PATH: directory } });
    await expect(failing).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('apt-get install openjdk-17') as string });
  });

  it('says how it is used when it is not used so', async () => {
    for (const args of [[], ['sideways'], ['up', '--parts', 'redis'], ['up', '--ports', '0'], ['up', '--apps', '--parts', 'kafka'], ['up', '--nonsense']]) {
      await expect(run(process.execPath, [MAIN, ...args])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: npm run stack') as string });
    }
  });
});
