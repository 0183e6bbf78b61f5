/** `meridian replay` and the commands after it, from the outside: arguments in; exit code, stdout and stderr out. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '@meridian/ledger';
import { LevelLedger } from '@meridian/ledger-level';
import { systemClock } from '@meridian/system';
import { Meridian, type Ended } from './meridian.child';

const HEADER = 'offset_ms,session,input_tokens,cached_input_tokens,output_tokens';
const ROWS = 600;
const SESSIONS = 80;
const KEYS = [
  'events', 'sessions', 'sent', 'accepted', 'duplicates', 'conflicts', 'quarantined', 'tokens', 'expected', 'exact', 'multiStreamSessions', 'cut', 'status',
  'reasons', 'writesPerEvent', 'seconds',
];

function json(ended: Ended): Record<string, unknown> {
  expect({ ...ended, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: '' });
  return JSON.parse(ended.stdout) as Record<string, unknown>;
}

describe('meridian', () => {
  let directory: string;
  let file: string;
  let data: string;
  const sums = { input: 0, cacheRead: 0, output: 0 };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meridian-cli-'));
    file = join(directory, 'rows.csv');
    data = join(directory, 'data');
    const lines = Array.from({ length: ROWS }, (_, row) => {
      const [input, cached, output] = [1_000 + row * 7, (row * 13) % 900, row % 50] as const;
      sums.input += input - cached;
      sums.cacheRead += cached;
      sums.output += output;
      return `${row * 1_000},session/${(row * 31) % SESSIONS} ü,${input},${cached},${output}`;
    });
    await writeFile(file, [HEADER, ...lines].join('\n'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const expected = (): Record<string, string> => Object.fromEntries(Object.entries(sums).map(([bucket, value]) => [bucket, String(value)]));
  const replay = (...args: readonly string[]): Promise<Ended> => Meridian.run('replay', file, '--json', ...args);

  it('replays a file exactly through crashes, resends, roaming sessions and slow replication, and keeps nothing', async () => {
    const temporary = join(directory, 'temporary');
    await mkdir(temporary);
    const args = ['replay', file, '--json', '--roam', '0.5', '--resend', '0.3', '--crash', '3', '--replication-delay-ms', '400', '--seed', '7'];
    const report = json(await new Meridian(args, { TMPDIR: temporary }).ended);
    expect(Object.keys(report)).toEqual(KEYS);
    expect(report).toMatchObject({
      events: ROWS, sessions: SESSIONS, conflicts: 0, quarantined: 0, tokens: expected(), expected: expected(), exact: true, status: 'final', reasons: [],
    });
    const { sent, accepted, duplicates, multiStreamSessions, writesPerEvent, cut } = report as Record<string, number>;
    expect(sent).toBeGreaterThan(ROWS * 1.2);
    expect(accepted! - duplicates!).toBe(ROWS);
    expect(multiStreamSessions).toBeGreaterThan(SESSIONS / 2);
    expect(writesPerEvent).toBeGreaterThan(0);
    expect(cut).toBeGreaterThan(0);
    expect(await readdir(temporary)).toEqual([]);
  }, 120_000);

  it('reads a replay that was kept, with nothing running, and repairs a row that was damaged by hand', async () => {
    const report = json(await replay('--regions', 'north,south', '--roam', '0.2', '--resend', '0.1', '--data', data, '--tenant', 'acme'));
    expect(report).toMatchObject({ exact: true, status: 'final' });
    const ask = async (...args: readonly string[]): Promise<Ended> => Meridian.run(...args, '--data', data);

    const usage = await ask('usage', 'acme', '--by', 'day', '--group', 'model,region', '--json');
    expect(usage.code).toBe(0);
    const { lines } = JSON.parse(usage.stdout) as { lines: { tokens: Record<string, string>; model: string }[] };
    expect(lines.reduce((sum, { tokens }) => sum + Number(tokens['output']), 0)).toBe(sums.output);

    const total = await ask('total', 'acme', 'session/0 ü', '--live', '--region', 'south');
    expect(total).toMatchObject({ code: 0, stderr: expect.stringContaining('reading region south from its files') as string });
    expect(total.stdout).toMatch(/acme \/ session\/0 ü[\s\S]*openai\/gpt-4o-mini[\s\S]*live estimate[\s\S]*final at cut \d+ as of/);
    expect(total.stdout).not.toContain('\u001b[');

    const explain = await ask('explain', 'acme', 'session/0 ü');
    expect(explain).toMatchObject({ code: 0, stdout: expect.stringMatching(/counted/) as string });

    const coverage = await ask('coverage');
    expect(coverage.stdout).toMatch(/north\.0\.0 +\d/);

    const unknown = await ask('total', 'acme', 'nobody');
    expect(unknown).toMatchObject({ code: 1, stdout: '' });

    const { stdout: first } = await ask('rerun', '--tenant', 'acme', '--json');
    expect(JSON.parse(first)).toMatchObject({ state: 'succeeded', result: { changes: 0, sessions: SESSIONS } });
    const damaged = await damage(data, 'acme');
    const dry = await ask('rerun', '--tenant', 'acme', '--dry-run');
    expect(dry).toMatchObject({ code: 3, stdout: expect.stringContaining(damaged) as string });
    expect(await ask('rerun', '--tenant', 'acme')).toMatchObject({ code: 3, stdout: expect.stringContaining('were restored') as string });
    expect(await ask('rerun', '--tenant', 'acme')).toMatchObject({ code: 0, stdout: expect.stringContaining('0 changes') as string });
  }, 240_000);

  it('replays into services that run already, and never meets an earlier run', async () => {
    const dev = new Meridian(['dev', '--port', '0', '--regions', 'east,west', '--interval-ms', '100', '--json', '--data', join(directory, 'running')]);
    const { regions } = JSON.parse(await dev.firstLine()) as { regions: Record<string, { ingest: string; reconciliation: string }> };
    const to = Object.entries(regions).map(([region, { ingest }]) => `${region}=${ingest}`).join(',');
    const args = ['--to', to, '--data', join(directory, 'running'), '--roam', '0.3', '--resend', '0.2'];
    for (let run = 0; run < 2; run++) {
      expect(json(await replay(...args))).toMatchObject({ exact: true, status: 'final', events: ROWS, tokens: expected(), writesPerEvent: null });
    }
    const doctor = await Meridian.run('doctor', '--data', join(directory, 'running'), '--json');
    expect(JSON.parse(doctor.stdout)).toMatchObject({ ok: true });
    expect(doctor.stdout).toContain('6 services are ready');
    const reading = await Meridian.run('coverage', '--data', join(directory, 'running'));
    expect(reading).toMatchObject({ code: 0, stderr: '' });
    expect(await dev.signal('SIGTERM')).toMatchObject({ code: 0 });
  }, 120_000);

  it('names every wrong row and starts nothing', async () => {
    const bad = join(directory, 'bad.csv');
    await writeFile(bad, `${HEADER}\n0,a,1,0,1\n1,a,x,0,1\n2,a,1,5,1\n`);
    const ended = await Meridian.run('replay', bad, '--data', join(directory, 'never'));
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/2 rows are wrong, nothing was sent:\n {2}line 3, column input_tokens: .*\n {2}line 4, column cached_input_tokens: /);
    expect(await readdir(directory)).not.toContain('never');
  }, 30_000);

  it.each([
    ['a probability above one', ['replay', 'x.csv', '--roam', '2'], /--roam.*Write a number from 0 to 1/],
    ['crashes of services that are not ours', ['replay', 'x.csv', '--to', 'a=http://h:1', '--crash', '1'], /'--to <urls>' cannot be used with .*'--crash <n>'/],
    ['a file that is not there', ['replay', 'x.csv'], /cannot read x\.csv.*Check the path/],
    ['a command that is none', ['repaly'], /Did you mean replay/],
    ['a missing tenant', ['total'], /missing required argument 'tenant'/],
    ['a region that the directory does not have', ['coverage', '--region', 'mars', '--data', 'DATA'], /has no region mars\. It has: north, south/],
    ['other regions than the directory was created with', ['dev', '--regions', 'north', '--data', 'DATA'], /created with regions north,south.*Leave --regions/],
  ])('refuses %s, with the fix', async (_, args, message) => {
    const ended = await Meridian.run(...args.map((arg) => (arg === 'DATA' ? data : arg)));
    expect(ended).toMatchObject({ code: args[0] === 'dev' ? 1 : 2, stdout: '', stderr: expect.stringMatching(message) as string });
  }, 30_000);

  it('says where it looked when nothing runs', async () => {
    expect(await Meridian.run('coverage', '--data', join(directory, 'nowhere'))).toMatchObject({
      code: 1, stdout: '', stderr: expect.stringMatching(/there is no Meridian in .*nowhere\. Start one with `npx meridian dev`/) as string,
    });
    expect(await Meridian.run('coverage', '--url', 'http://127.0.0.1:1', '--key', 'k')).toMatchObject({
      code: 1, stdout: '', stderr: expect.stringMatching(/http:\/\/127\.0\.0\.1:1 does not answer/) as string,
    });
  }, 30_000);
});

/** Overwrites the first usage row of the first region with another number; answers its key. */
async function damage(data: string, tenant: string): Promise<string> {
  const ledger = await LevelLedger.open({ directory: join(data, 'regions', 'north', 'derived'), clock: systemClock });
  try {
    const period = new Date().toISOString().slice(0, 7);
    const pk = keys.usagePk('north', tenant, period);
    const [row] = (await ledger.query(pk, { limit: 1 })).rows;
    if (!row) throw new RangeError('there is no usage');
    const value = Buffer.from(Buffer.from(row.value).toString('utf8').replace(/"output":"\d+"/, '"output":"4"'));
    await ledger.replace({ ...row, value });
    return `${pk} ${row.sk}`;
  } finally {
    await ledger.close();
  }
}
