/** `meridian send` from the outside: arguments in; exit code, stdout and stderr out. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Meridian } from './meridian.child';
import { usage } from './one-region.fixture';

describe('meridian send', () => {
  let directory: string;
  let dev: Meridian;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meridian-send-'));
    dev = new Meridian(['dev', '--json', '--regions', 'eu,us', '--port', '0', '--data', join(directory, 'data')]);
    await dev.firstLine();
  }, 60_000);
  afterAll(async () => {
    await dev.signal('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  const options = (): string[] => ['--data', join(directory, 'data'), '--spool', join(directory, 'spool'), '--json'];
  const send = async (lines: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> => {
    await writeFile(join(directory, 'events.ndjson'), lines.join('\n'));
    return Meridian.run('send', join(directory, 'events.ndjson'), ...options());
  };

  it('ends when every event of the file is accepted', async () => {
    const lines = Array.from({ length: 2_500 }, () => JSON.stringify(usage('sent')));
    expect(await send(lines)).toEqual({ code: 0, stdout: '{"events":2500,"accepted":2500,"rejected":0}\n', stderr: '' });
  }, 60_000);

  it('names what is not accepted and sends the rest', async () => {
    const { code, stdout, stderr } = await send([JSON.stringify(usage('sent')), '', '{"half', JSON.stringify({ ...usage('sent'), time: 'noon' })]);
    expect([code, stdout]).toEqual([1, '{"events":3,"accepted":1,"rejected":2}\n']);
    expect(stderr).toMatch(/line 3: .*\n[^]*event e\d+: time: .*\n[^]*2 of 3 events were not accepted/);
    expect((await readFile(join(directory, 'spool', 'rejected.ndjson'), 'utf8')).trim().split('\n')).toHaveLength(1);
  }, 60_000);

  it('keeps what no ingest takes for the next time', async () => {
    const file = join(directory, 'later.ndjson');
    await writeFile(file, JSON.stringify(usage('later')));
    const waiting = new Meridian(['send', file, '--to', 'http://127.0.0.1:1', ...options()]);
    while (!(await textOf(join(directory, 'spool'))).includes('later')) await new Promise((done) => setTimeout(done, 20));
    expect((await waiting.signal('SIGTERM')).code).toBe(1);
    expect(await send([])).toEqual({ code: 0, stdout: '{"events":0,"accepted":0,"rejected":0}\n', stderr: '' });
    expect(await textOf(join(directory, 'spool'))).not.toContain('later');
  }, 60_000);
});

/** All segments of a spool as one text. */
async function textOf(spool: string): Promise<string> {
  const names = (await readdir(spool)).filter((name) => name.endsWith('.spool'));
  return (await Promise.all(names.map((name) => readFile(join(spool, name), 'utf8')))).join('');
}
