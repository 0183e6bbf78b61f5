/** An ingest as a publisher sees it: it has what it has acknowledged, and can be told to answer otherwise. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PublisherEvent } from './publisher';

export interface Asked {
  readonly events: readonly PublisherEvent[];
  readonly headers: IncomingMessage['headers'];
}

/** Undefined: not answered. */
export type Answering = (asked: Asked) => { readonly status: number; readonly body: object; readonly headers?: Readonly<Record<string, string>> } | undefined;

export const accepting: Answering = ({ events }) => ({ status: 202, body: { results: events.map(({ id }, index) => ({ index, id, status: 'accepted' })), accepted: events.length, rejected: 0 } });

export class FakeIngest {
  readonly asked: Asked[] = [];
  /** Ids in the order of their acceptance. */
  readonly accepted: string[] = [];
  answering: Answering = accepting;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<FakeIngest> {
    const server = createServer();
    const ingest = new FakeIngest(server);
    server.on('request', (request, response) => void ingest.serve(request, response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return ingest;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const asked = { events: JSON.parse(Buffer.concat(chunks).toString()) as PublisherEvent[], headers: request.headers };
    this.asked.push(asked);
    const answer = this.answering(asked);
    if (!answer) return;
    const { results = [] } = answer.body as { readonly results?: readonly { readonly status: string }[] };
    this.accepted.push(...asked.events.filter((_, at) => results[at]?.status === 'accepted').map(({ id }) => id));
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(JSON.stringify(answer.body));
  }
}

export function eventOf(id: string, more: object = {}): PublisherEvent {
  return { specversion: '1.0', type: 'meridian.usage.v1', source: 'test', id, subject: 's', time: '2026-11-27T00:00:00Z', data: { provider: 'p', model: 'm', tokens: { input: 1 }, ...more } };
}
