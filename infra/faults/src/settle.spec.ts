/** The comparison against regions that answer wrongly on purpose, over HTTP. */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from './api';
import { Checker } from './checker';
import { Findings } from './findings';
import { Load } from './load';
import { Random } from './random';
import { settle } from './settle';

/** What a region of the test has taken, and how it counts it. */
let counted: (event: { readonly subject: string; readonly data: { readonly tokens: Readonly<Record<string, number>> } }, at: number) => number;
let isFinal: boolean;
let server: Server;
let directory: string;
const taken = new Map<string, { readonly subject: string; readonly data: { readonly tokens: Readonly<Record<string, number>> } }>();

beforeEach(async () => {
  [counted, isFinal] = [() => 1, true];
  taken.clear();
  directory = await mkdtemp(join(tmpdir(), 'settle-'));
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks).toString();
      if (request.method === 'POST') for (const event of JSON.parse(body) as { id: string; subject: string; data: { tokens: Readonly<Record<string, number>> } }[]) taken.set(event.id, event);
      response.writeHead(request.method === 'POST' ? 202 : 200).end(JSON.stringify(request.method === 'POST' ? { rejected: 0 } : answer(request.url ?? '')));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(directory, { recursive: true, force: true });
});

function answer(url: string): object {
  const claim = { status: isFinal ? 'final' : 'provisional', cut: 1, asOf: new Date(Date.now() + 1_000).toISOString(), reasons: [] };
  const sums = new Map<string, { input: bigint; output: bigint }>();
  [...taken.values()].forEach((event, at) => {
    const sum = sums.get(event.subject) ?? { input: 0n, output: 0n };
    const times = BigInt(counted(event, at));
    sums.set(event.subject, { input: sum.input + BigInt(event.data.tokens['input'] ?? 0) * times, output: sum.output + BigInt(event.data.tokens['output'] ?? 0) * times });
  });
  const rows = [...sums].map(([session, { input, output }]) => ({ session, tokens: { input: String(input), output: String(output) } }));
  return url.includes('/usage') ? { lines: rows } : { ...claim, sessions: rows, next: null };
}

async function compare(): Promise<{ readonly seconds: number | undefined; readonly counts: Findings['counts'] }> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = new Api({ ingest: { here: url }, reconciliation: { here: url }, key: 'key' }, new Date().toISOString());
  const load = await Load.start({ directory, api, seed: 1, eventsPerSecond: 300, onRefused: fail });
  const findings = new Findings(() => undefined);
  const checker = new Checker({ api, load, findings, random: new Random(1) });
  await new Promise((wait) => setTimeout(wait, 300));
  const seconds = await settle({ api, load, checker, findings, say: () => undefined, exactWithinMs: 1_000 });
  await load.stop();
  return { seconds, counts: findings.counts };
}

function fail(message: string): never {
  throw new TypeError(message);
}

describe('the comparison', () => {
  it('is content with totals that are exact and final', async () => {
    expect(await compare()).toEqual({ seconds: expect.any(Number) as number, counts: { lost: 0, double: 0, falselyFinal: 0 } });
  });

  it('notices one event that was lost, also that its total was called final', async () => {
    counted = (_, at) => (at === 3 ? 0 : 1);
    expect(await compare()).toEqual({ seconds: undefined, counts: { lost: 1, double: 0, falselyFinal: 1 } });
  });

  it('notices one event that was counted twice', async () => {
    counted = (_, at) => (at === 3 ? 2 : 1);
    expect((await compare()).counts).toEqual({ lost: 0, double: 1, falselyFinal: 0 });
  });

  it('is not content before totals are final', async () => {
    isFinal = false;
    expect((await compare()).seconds).toBeUndefined();
  });
});
