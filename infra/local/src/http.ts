/** Asking our own processes over HTTP on the loopback: only the status matters. */
import { request } from 'node:http';
import { HOST } from './ports';

const ASK_TIMEOUT_MS = 2_000;

export interface Question {
  readonly port: number | undefined;
  readonly path: string;
  /** API key. */
  readonly key?: string;
}

/** Undefined when nobody answers. */
export function statusOf({ port, path, key }: Question): Promise<number | undefined> {
  return new Promise((done) => {
    const asked = request({ host: HOST, port, path, timeout: ASK_TIMEOUT_MS, agent: false, ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }) }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => done(undefined));
    asked.end();
  });
}
