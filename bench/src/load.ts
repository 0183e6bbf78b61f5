/**
 * The client of `accept` and `ingest`, in a thread of its own: posts the same batches over a few keep-alive connections
 * for a while, as fast as they are answered. An event that is not accepted ends it.
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
  /** Goes on until so many requests are answered, for `secondsMax` at most. */
  readonly requestsMin?: number;
  readonly secondsMax?: number;
}

/** Of an answer that is an error. */
const ANSWER_SHOWN_MAX = 500;

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
  const { seconds: secondsMin, secondsMax = secondsMin, requestsMin = 0 } = load;
  const goesOn = (): boolean => {
    const passed = (performance.now() - began) / 1_000;
    return passed < secondsMin || (latencies.length < requestsMin && passed < secondsMax);
  };
  let next = 0;
  const connection = async (url: string): Promise<void> => {
    while (goesOn()) {
      const sent = performance.now();
      const number = next++;
      const { status, text } = await one(agent, { url, headers: load.headers }, load.bodies[number % load.bodies.length] as string);
      if (status !== 202) throw new RangeError(`answered ${status}`);
      latencies.push(performance.now() - sent);
      // Every body once: what is wrong with an event is so each time, and reading all answers would be work of ours.
      if (number < load.bodies.length) assertAccepted(text());
    }
  };
  await Promise.all(Array.from({ length: load.connections }, (_, at) => connection(load.urls[at % load.urls.length] as string)));
  const seconds = (performance.now() - began) / 1_000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, seconds, p50: at(0.5), p99: at(0.99) };
}

/** A 202 may be of some of the events only. The bare server says nothing. */
function assertAccepted(text: string): void {
  const { rejected = 0 } = JSON.parse(text) as { readonly rejected?: number };
  if (rejected > 0) throw new RangeError(`${rejected} events of a batch were rejected: ${text.slice(0, ANSWER_SHOWN_MAX)}`);
}

interface HttpAnswer {
  readonly status: number;
  readonly text: () => string;
}

function one(agent: Agent, { url, headers }: Pick<Load, 'headers'> & { readonly url: string }, body: string): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: () => Buffer.concat(chunks).toString() }));
      response.once('error', reject);
    });
    sending.once('error', reject);
    sending.end(body);
  });
}

if (parentPort && workerData) void post(workerData as Load).then((answer) => parentPort?.postMessage(answer));
