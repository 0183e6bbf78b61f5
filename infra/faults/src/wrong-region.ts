/** A region for tests, over HTTP: takes events, and answers as wrongly as it is told to. All is called final. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Api } from './api';

export interface Taken {
  readonly tenant: string;
  readonly id: string;
  readonly subject: string;
  readonly data: { readonly tokens: Readonly<Record<string, number>> };
}

/** How it is wrong. */
export interface Wrongs {
  /** How often it counts an event, the how manyeth of its tenant. */
  counted: (event: Taken, at: number) => number;
  /** Which of what was taken it counts for a tenant. */
  belongs: (event: Taken, tenant: string) => boolean;
  isKnown: (session: string) => boolean;
  isFinal: boolean;
  cut: () => number;
  /** Instead of an answer. */
  broken: { readonly status: number; readonly body: string } | undefined;
}

export class WrongRegion {
  readonly wrongs: Wrongs = { counted: () => 1, belongs: (event, tenant) => event.tenant === tenant, isKnown: () => true, isFinal: true, cut: () => 1, broken: undefined };
  private readonly taken = new Map<string, Taken>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<WrongRegion> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        if (request.method === 'POST') region.take(String(request.headers['meridian-tenant']), JSON.parse(Buffer.concat(chunks).toString()) as Taken[]);
        const { status, body } = request.method === 'POST' ? { status: 202, body: '{"rejected":0}' } : (region.wrongs.broken ?? region.answer(request.url ?? ''));
        response.writeHead(status).end(body);
      });
    });
    const region = new WrongRegion(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return region;
  }

  /** As `here`, or as all of these regions. */
  api(...regions: readonly string[]): Api {
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    const urls = Object.fromEntries((regions.length > 0 ? regions : ['here']).map((region) => [region, url]));
    return new Api({ ingest: urls, reconciliation: urls, key: 'key' }, new Date().toISOString());
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private take(tenant: string, events: readonly Taken[]): void {
    for (const event of events) this.taken.set(`${tenant} ${event.id}`, { ...event, tenant });
  }

  private answer(url: string): { readonly status: number; readonly body: string } {
    const claim = { status: this.wrongs.isFinal ? 'final' : 'provisional', cut: this.wrongs.cut(), asOf: new Date(Date.now() + 1_000).toISOString(), reasons: [] };
    const [, tenant = '', what = '', session] = /^\/v1\/tenants\/([^/]+)\/(\w+)(?:\/([^/?]+))?/.exec(url) ?? [];
    const rows = this.totals(tenant);
    if (session === undefined) return ok(what === 'usage' ? { lines: rows } : { ...claim, logs: [], sessions: rows, next: null });
    const row = rows.find((one) => one.session === session);
    return row ? ok({ ...claim, ...row }) : { status: 404, body: '{"code":"not_found"}' };
  }

  private totals(tenant: string): { readonly session: string; readonly tokens: Readonly<Record<string, string>> }[] {
    const { counted, belongs, isKnown } = this.wrongs;
    const sums = new Map<string, { input: bigint; output: bigint }>();
    [...this.taken.values()].filter((event) => belongs(event, tenant)).forEach((event, at) => {
      const { input, output } = sums.get(event.subject) ?? { input: 0n, output: 0n };
      const times = BigInt(counted(event, at));
      sums.set(event.subject, { input: input + BigInt(event.data.tokens['input'] ?? 0) * times, output: output + BigInt(event.data.tokens['output'] ?? 0) * times });
    });
    return [...sums].filter(([session]) => isKnown(session)).map(([session, { input, output }]) => ({ session, tokens: { input: String(input), output: String(output) } }));
  }
}

function ok(body: object): { readonly status: number; readonly body: string } {
  return { status: 200, body: JSON.stringify(body) };
}
