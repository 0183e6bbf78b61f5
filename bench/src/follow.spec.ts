import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Follower, type Installation } from './follow';

const LOG = 'eu.0.0';
/** Of what never comes. */
const WAIT_MS = 400;
const TEST_MS_MAX = 30_000;

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Answers by path what the test says, at the time it is asked. */
class Service {
  events = (): Answer => ({ status: 202, body: { through: { [LOG]: 5 } } });
  session = (): Answer => ({ status: 404, body: {} });
  coverage = (): Answer => ({ status: 200, body: { logs: [{ log: LOG, cut: 4 }] } });
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const path = request.url ?? '';
      const { status, body } = path === '/v1/events' ? this.events() : path === '/v1/coverage' ? this.coverage() : this.session();
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }

  async start(): Promise<Installation> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return { ingest: [url], reconciliation: url, key: 'key' };
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

describe('an event that is followed', () => {
  let service: Service;
  let at: Installation;
  let follower: Follower;

  beforeEach(async () => {
    service = new Service();
    at = await service.start();
    follower = new Follower(at, WAIT_MS);
  });

  afterEach(async () => {
    await follower.close();
    service.stop();
  });

  it('is told live, in a cut and final, each when it was', async () => {
    service.session = () => ({ status: 200, body: { status: 'final', events: 1, live: { events: 1 } } });
    service.coverage = () => ({ status: 200, body: { logs: [{ log: LOG, cut: 5 }] } });
    const patient = new Follower(at, TEST_MS_MAX);
    const followed = await patient.follow(1);
    await patient.close();
    expect(Object.entries(followed ?? {}).map(([name, ms]) => [name, ms < TEST_MS_MAX])).toEqual([['live', true], ['inCut', true], ['final', true]]);
    expect(patient).toMatchObject({ errors: 0, refused: 0 });
  }, TEST_MS_MAX);

  it('is never final, not left out, when the time is over', async () => {
    service.session = () => ({ status: 200, body: { status: { provisional: 'behind' }, events: 0, live: { events: 1 } } });
    expect(await follower.follow(1)).toEqual({ live: expect.any(Number) as number, inCut: Infinity, final: Infinity });
  });

  it('is not final by an answer that is final without it', async () => {
    service.session = () => ({ status: 200, body: { status: 'final', events: 0, live: { events: 0 } } });
    expect(await follower.follow(1)).toEqual({ live: Infinity, inCut: Infinity, final: Infinity });
  });

  it('goes on after an error, which is counted; a 404 is none', async () => {
    let asked = 0;
    service.session = () => (asked++ === 0 ? { status: 500, body: {} } : { status: 404, body: {} });
    expect(await follower.follow(1)).toMatchObject({ final: Infinity });
    expect(follower.errors).toBe(1);
  });

  it('is in a cut, at the latest, when a final answer has it', async () => {
    service.session = () => ({ status: 200, body: { status: 'final', events: 1, live: { events: 1 } } });
    const { inCut, final } = (await follower.follow(1)) ?? {};
    expect([inCut, final]).toEqual([final, expect.any(Number)]);
    expect(final).not.toBe(Infinity);
  });

  it('is refused when it is not answered 202', async () => {
    service.events = () => ({ status: 429, body: {} });
    expect(await follower.follow(1)).toBeUndefined();
    expect(follower.refused).toBe(1);
  });
});
