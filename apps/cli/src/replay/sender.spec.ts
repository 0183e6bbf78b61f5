/** The sender against a service that refuses, hangs up and forgets to answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@meridian/system';
import { Client } from '../client';
import { Sender, type Item, type SentEvent } from './sender';

type Answer = (events: readonly SentEvent[], response: ServerResponse) => void;

/** Answers the first requests as scripted, all others with 202. */
class Ingest {
  readonly received: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  private readonly server: Server;

  constructor(private readonly log: string, private readonly script: Answer[] = []) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const events = JSON.parse(Buffer.concat(chunks).toString()) as SentEvent[];
    this.headers.push(request.headers);
    const scripted = this.script.shift();
    if (scripted) {
      scripted(events, response);
      return;
    }
    for (const { id } of events) this.received.push(id);
    const results = events.map(({ id }, index) => ({ index, id, status: 'accepted' }));
    response.writeHead(202).end(JSON.stringify({ results, accepted: events.length, rejected: 0, through: { [this.log]: this.received.length } }));
  }
}

const refuse = (status: number, headers: Record<string, string> = {}): Answer => (_, response) => {
  response.writeHead(status, headers).end(JSON.stringify({ title: 'no', detail: `refused with ${status}`, code: 'x' }));
};
const hangUp: Answer = (_, response) => void response.destroy();

function item(number: number, resendTo?: string): Item {
  const data = { provider: 'p', model: 'm', tokens: { input: 1, cacheRead: 0, output: 1 } };
  const time = new Date(0).toISOString();
  return { event: { specversion: '1.0', type: 'meridian.usage.v1', source: 's', id: `e${number}`, subject: 'x', time, data }, resendTo };
}

describe('sending', () => {
  const services: Ingest[] = [];
  afterEach(() => Promise.all(services.splice(0).map((service) => service.close())));

  type Opened = { readonly sender: Sender; readonly ingests: Record<string, Ingest> };
  const open = async (scripts: Record<string, Answer[]>, signal = new AbortController().signal): Promise<Opened> => {
    const clients = new Map<string, Client>();
    const ingests: Record<string, Ingest> = {};
    for (const [region, script] of Object.entries(scripts)) {
      const ingest = (ingests[region] = new Ingest(`${region}.0.0`, script));
      services.push(ingest);
      clients.set(region, new Client({ url: await ingest.start(), key: 'secret', tenant: 'acme' }));
    }
    return { sender: new Sender({ clients, clock: systemClock, random: systemRandom, signal, onAcknowledged: () => undefined }), ingests };
  };

  it('sends every event until it is acknowledged, through refusals and broken connections', async () => {
    const { sender, ingests } = await open({ a: [refuse(503, { 'retry-after': '0' }), hangUp, refuse(429), hangUp] });
    for (let number = 0; number < 1_000; number++) await sender.add('a', item(number));
    await sender.drain();
    expect(new Set(ingests['a']!.received).size).toBe(1_000);
    expect(sender.accepted).toEqual(new Map([['a', 1_000]]));
    expect(sender.sent).toBe(1_800);
    expect(Object.fromEntries(sender.through)).toEqual({ 'a.0.0': 1_000 });
    expect(ingests['a']!.headers[0]).toMatchObject({
      authorization: 'Bearer secret', 'meridian-tenant': 'acme', 'content-type': 'application/cloudevents-batch+json',
    });
  });

  it('sends an event once more, elsewhere, after its acknowledgement', async () => {
    const { sender, ingests } = await open({ a: [], b: [] });
    for (let number = 0; number < 500; number++) await sender.add('a', item(number, number % 10 === 0 ? 'b' : undefined));
    await sender.drain();
    expect(ingests['b']!.received.sort()).toEqual(Array.from({ length: 50 }, (_, at) => `e${at * 10}`).sort());
    expect(Object.fromEntries(sender.accepted)).toEqual({ a: 500, b: 50 });
  });

  it('gives up at once on an answer that another try will not change', async () => {
    const { sender } = await open({ a: [refuse(401)] });
    await sender.add('a', item(1));
    await expect(sender.drain()).rejects.toMatchObject({ code: 'request_refused', httpStatus: 401, fix: 'Give a valid key with --key or MERIDIAN_KEY.' });
    await expect(sender.add('a', item(2))).rejects.toMatchObject({ code: 'request_refused' });
  });

  it('names the event that was rejected, and why', async () => {
    const { sender } = await open({
      a: [(events, response) => {
        const rejection = { status: 'rejected', code: 'field_invalid', message: 'time: missing' };
        const results = events.map(({ id }, index) => ({ index, id, ...(index === 1 ? rejection : { status: 'accepted' }) }));
        response.writeHead(202).end(JSON.stringify({ results, accepted: 1, rejected: 1, through: {} }));
      }],
    });
    await sender.add('a', item(1));
    await sender.add('a', item(2));
    await expect(sender.drain()).rejects.toMatchObject({ code: 'event_rejected', message: 'a rejected event e2: time: missing' });
  });

  it('stops sending when it is told to', async () => {
    const stop = new AbortController();
    const { sender } = await open({ a: Array.from({ length: 1_000 }, () => refuse(503)) }, stop.signal);
    await sender.add('a', item(1));
    setTimeout(() => stop.abort(), 50);
    await expect(sender.drain()).rejects.toThrow(/abort/);
  });
});
