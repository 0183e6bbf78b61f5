/**
 * A TCP proxy on the loopback that fails on purpose: it stands before a broker or a DynamoDB, and what it does to bytes
 * can be changed while connections are open. It knows no protocol: a request is a piece of bytes as it came from the client.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { HOST } from './ports';

export type NetworkFault =
  | { readonly kind: 'none' }
  /** What clients send arrives, and nothing comes back: applied, and not answered. */
  | { readonly kind: 'drop-responses' }
  /** A connection is cut, both ways at once, when it has sent so many requests since. */
  | { readonly kind: 'cut-after'; readonly requests: number }
  /** Everything is so much later, each way. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Connections are taken, and then there is silence, both ways. */
  | { readonly kind: 'blackhole' };

export interface ProxyOptions {
  /** On the loopback. */
  readonly targetPort: number;
  /** To listen on; 0 = any that is free. */
  readonly port: number;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  requests: number;
}

export class Proxy {
  private fault: NetworkFault = { kind: 'none' };
  /** Pieces of bytes that were swallowed or delayed, and connections that were cut, by all faults so far: at 0 nothing has happened to anybody. */
  touched = 0;
  private readonly pairs = new Set<Pair>();

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {}

  static async listen({ targetPort, port }: ProxyOptions): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, targetPort);
    server.on('connection', (client) => proxy.join(client));
    await new Promise<void>((done, fail) => server.once('error', fail).listen(port, HOST, done));
    return proxy;
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** From now on, also for connections that are open. Those of which something was swallowed are cut: they would be out of step. */
  set(fault: NetworkFault): void {
    const hasSwallowed = this.fault.kind === 'drop-responses' || this.fault.kind === 'blackhole';
    this.fault = fault;
    for (const pair of this.pairs) pair.requests = 0;
    if (hasSwallowed) this.cut();
  }

  /** Cuts every connection that is open. */
  cut(): void {
    for (const { client, upstream } of this.pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    this.cut();
    await closed;
  }

  private join(client: Socket): void {
    const upstream = connect({ host: HOST, port: this.targetPort });
    const pair: Pair = { client, upstream, requests: 0 };
    this.pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      // The other end learns of it by the closing below.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => this.onRequest(pair, bytes));
    upstream.on('data', (bytes) => this.onResponse(pair, bytes));
  }

  private onRequest(pair: Pair, bytes: Buffer): void {
    const { fault } = this;
    pair.requests++;
    if (fault.kind === 'blackhole' || fault.kind === 'delay') this.touched++;
    if (fault.kind === 'blackhole') return;
    forward(pair.client, pair.upstream, bytes, fault);
    // It is on its way: whether it is applied nobody will hear.
    if (fault.kind !== 'cut-after' || pair.requests !== fault.requests) return;
    this.touched++;
    pair.upstream.end(() => pair.client.destroy());
  }

  private onResponse(pair: Pair, bytes: Buffer): void {
    const { fault } = this;
    if (fault.kind !== 'none' && fault.kind !== 'cut-after') this.touched++;
    if (fault.kind === 'drop-responses' || fault.kind === 'blackhole') return;
    forward(pair.upstream, pair.client, bytes, fault);
  }
}

/** A receiver that is slower than the sender holds it up. */
function forward(from: Socket, to: Socket, bytes: Buffer, fault: NetworkFault): void {
  const send = (): void => {
    if (to.destroyed || to.write(bytes)) return;
    from.pause();
    to.once('drain', () => from.resume());
  };
  if (fault.kind === 'delay') setTimeout(send, fault.ms);
  else send();
}
