/** The replicator's HTTP interface, for people and tests: whether it runs, how far each pair is, and faults to order. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { StackError } from '../errors';
import { NO_FAULTS, parseFaults, type Faults } from './faults';
import type { Replicator } from './replicator';

export interface ControlOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly replicators: readonly Replicator[];
  readonly regions: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

const BODY_BYTES_MAX = 65_536;

export class Control {
  private faults: Faults = NO_FAULTS;

  private constructor(private readonly options: ControlOptions, private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.serve(request, response));
  }

  static async start(options: ControlOptions): Promise<Control> {
    const server = createServer();
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen({ host: options.host, port: options.port }, done);
    });
    return new Control(options, server);
  }

  get url(): string {
    const address = this.server.address();
    return `http://${this.options.host}:${typeof address === 'object' ? address?.port : this.options.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.answer(request).catch((error: unknown) => failed(error));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    switch (`${request.method} ${request.url}`) {
      case 'GET /health':
        return { status: 200, body: { status: 'ok' } };
      case 'GET /status':
        return { status: 200, body: { faults: this.faults, tables: Object.fromEntries(this.options.replicators.map((one) => [one.table, one.lags()])) } };
      case 'PUT /faults':
        this.faults = parseFaults(await textOf(request), this.options.regions);
        for (const one of this.options.replicators) one.setFaults(this.faults);
        return { status: 200, body: this.faults };
      default:
        return { status: 404, body: { error: 'there are GET /health, GET /status and PUT /faults' } };
    }
  }
}

function failed(error: unknown): Answer {
  return { status: error instanceof StackError ? 400 : 500, body: { error: (error as Error).message } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new StackError('stack_invalid', `the body has more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
