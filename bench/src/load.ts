/**
 * The client of `accept` and `ingest`, in a thread of its own: posts the same batches over a few keep-alive connections
 * for a while, as fast as they are answered.
 */
import { Agent, request } from 'node:http';
import { parentPort, Worker, workerData } from 'node:worker_threads';

export interface Load {
  /** Connections take turns. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadAnswer {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export function runLoad(load: Load): Promise<LoadAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function post(load: Load): Promise<LoadAnswer> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + load.seconds * 1_000;
  let next = 0;
  const connection = async (url: string): Promise<void> => {
    while (performance.now() < until) {
      const sent = performance.now();
      const status = await one(agent, { url, headers: load.headers }, load.bodies[next++ % load.bodies.length] as string);
      if (status !== 202) throw new RangeError(`answered ${status}`);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, (_, at) => connection(load.urls[at % load.urls.length] as string)));
  const seconds = (performance.now() - began) / 1_000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, seconds, p50: at(0.5), p99: at(0.99) };
}

function one(agent: Agent, { url, headers }: Pick<Load, 'headers'> & { readonly url: string }, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    sending.once('error', reject);
    sending.end(body);
  });
}

if (parentPort && workerData) void post(workerData as Load).then((answer) => parentPort?.postMessage(answer));
