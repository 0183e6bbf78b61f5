import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Proxy, type NetworkFault } from './proxy';

/** Answers every piece of bytes with itself, and remembers it. */
class Echo {
  readonly got: string[] = [];
  private readonly server: Server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', (bytes) => {
      this.got.push(bytes.toString());
      socket.write(bytes);
    });
  });

  listen(): Promise<number> {
    return new Promise((done) => this.server.listen(0, '127.0.0.1', () => done((this.server.address() as { port: number }).port)));
  }

  close(): void {
    this.server.close();
  }
}

class Client {
  answered = '';
  isClosed = false;
  private constructor(private readonly socket: Socket) {}

  static async open(port: number): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port });
    const client = new Client(socket);
    socket.on('data', (bytes) => (client.answered += bytes.toString())).on('error', () => undefined).on('close', () => (client.isClosed = true));
    await new Promise((done) => socket.once('connect', done));
    return client;
  }

  async say(text: string): Promise<void> {
    this.socket.write(text);
    await sleep(60);
  }

  close(): void {
    this.socket.destroy();
  }
}

describe('a proxy that fails on purpose', () => {
  let echo: Echo;
  let proxy: Proxy;
  const clients: Client[] = [];
  beforeEach(async () => {
    echo = new Echo();
    proxy = await Proxy.listen({ targetPort: await echo.listen(), port: 0 });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await proxy.close();
    echo.close();
  });

  const open = async (fault: NetworkFault): Promise<Client> => {
    proxy.set(fault);
    const client = await Client.open(proxy.port);
    clients.push(client);
    return client;
  };

  it('passes bytes both ways when nothing is wrong', async () => {
    const client = await open({ kind: 'none' });
    await client.say('a');
    expect([echo.got, client.answered, proxy.touched]).toEqual([['a'], 'a', 0]);
  });

  it('lets requests arrive and drops what is answered, and cuts those connections when it stops', async () => {
    const client = await open({ kind: 'drop-responses' });
    await client.say('a');
    expect([echo.got, client.answered, client.isClosed, proxy.touched]).toEqual([['a'], '', false, 1]);
    proxy.set({ kind: 'none' });
    await sleep(60);
    expect(client.isClosed).toBe(true);
  });

  it('cuts a connection after so many requests, the last of which arrives', async () => {
    const client = await open({ kind: 'cut-after', requests: 2 });
    await client.say('a');
    expect(proxy.touched).toBe(0);
    await client.say('b');
    expect([echo.got, client.answered.startsWith('a'), client.isClosed, proxy.touched]).toEqual([['a', 'b'], true, true, 1]);
  });

  it('counts the requests of a connection that was open from then on', async () => {
    const client = await open({ kind: 'none' });
    for (const text of 'abc') await client.say(text);
    proxy.set({ kind: 'cut-after', requests: 2 });
    await client.say('d');
    expect([client.isClosed, proxy.touched]).toEqual([false, 0]);
    await client.say('e');
    expect([client.isClosed, proxy.touched]).toEqual([true, 1]);
  });

  it('is silent both ways as a black hole, also for a connection that was open', async () => {
    const client = await open({ kind: 'none' });
    await client.say('a');
    proxy.set({ kind: 'blackhole' });
    await client.say('b');
    expect([echo.got, client.answered, client.isClosed, proxy.touched]).toEqual([['a'], 'a', false, 1]);
  });

  it('delays each way', async () => {
    const client = await open({ kind: 'delay', ms: 150 });
    await client.say('a');
    expect([echo.got, client.answered]).toEqual([[], '']);
    await sleep(500);
    expect([echo.got, client.answered, proxy.touched]).toEqual([['a'], 'a', 2]);
  });
});
