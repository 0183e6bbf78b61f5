/** The ceiling of ingest: nothing but the server, the parser and the answer, as a process of its own. */
import { fork } from 'node:child_process';
import fastify from 'fastify';
import { freePort, untilReady, type Service } from './services';

export async function startBareServer(): Promise<Service> {
  const port = await freePort();
  const child = fork(__filename, [String(port)]);
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/health/ready`, child);
  return { url, child };
}

async function serve(port: number): Promise<void> {
  const server = fastify({ bodyLimit: 4 * 1024 * 1024 });
  server.addContentTypeParser('application/cloudevents-batch+json', { parseAs: 'string' }, (_request, body, done) => done(null, JSON.parse(body as string)));
  server.get('/health/ready', () => ({}));
  server.post('/v1/events', (_request, reply) => reply.code(202).send({}));
  await server.listen({ port, host: '127.0.0.1' });
}

if (require.main === module) void serve(Number(process.argv[2]));
