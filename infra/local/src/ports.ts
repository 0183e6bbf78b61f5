/** Ports on the loopback: all that the stack listens on. */
import { createServer } from 'node:net';

export const HOST = '127.0.0.1';

/** The port itself when nothing listens on it, else one that is free now. */
export async function freePort(preferred = 0): Promise<number> {
  const port = await bind(preferred);
  return port ?? (await freePort());
}

function bind(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen({ host: HOST, port }, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
