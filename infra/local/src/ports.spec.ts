import { createServer, type Server } from 'node:net';
import { freePort, HOST } from './ports';

describe('freePort', () => {
  it('keeps the preferred one while it is free, and finds another when it is taken', async () => {
    const free = await freePort();
    expect(await freePort(free)).toBe(free);
    const server = await new Promise<Server>((done) => {
      const one: Server = createServer().listen({ host: HOST, port: free }, () => done(one));
    });
    const other = await freePort(free);
    server.close();
    expect(other).not.toBe(free);
    expect(other).toBeGreaterThan(0);
  });
});
