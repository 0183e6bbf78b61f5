/** The product as its users see it: HTTP and nothing else. Every request has a deadline; nothing is tried again here. */
import { FaultsError } from './errors';
import type { SessionRef } from './event';
import type { Answer } from './judge';

export interface Urls {
  readonly ingest: Readonly<Record<string, string>>;
  readonly reconciliation: Readonly<Record<string, string>>;
  readonly key: string;
}

export interface Claim {
  readonly isFinal: boolean;
  readonly cut: number;
  readonly asOf: number | undefined;
  readonly reasons: readonly Reason[];
}

export interface Reason {
  readonly code: string;
  readonly region?: string;
  readonly log?: string;
}

export interface LogCoverage {
  readonly log: string;
  /** Whose log it is. */
  readonly region: string;
  /** Where its manifests end, in the region that was asked. */
  readonly folded: number;
  /** Below it the region that was asked has every row. */
  readonly reached: number;
  /** Where the cut ends that the region answers at. */
  readonly cut: number;
}

/** A page of the list of sessions. */
export interface SessionPage {
  readonly claim: Claim;
  readonly answers: readonly Answer[];
}

interface ClaimJson {
  readonly status: string;
  readonly cut: number;
  readonly asOf: string | null;
  readonly reasons: readonly Reason[];
}

interface SessionJson {
  readonly session: string;
  readonly tokens: Readonly<Record<string, string>>;
}

export interface Usage {
  readonly input: bigint;
  readonly output: bigint;
}

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Posted = 'acknowledged' | 'again' | 'refused';

/** One is the beginning of the other's name. */
export const TENANTS: readonly string[] = ['faults', 'faults-2'];
const POST_TIMEOUT_MS = 4_000;
const GET_TIMEOUT_MS = 15_000;
/** An operator's command waits for the control table. */
const COMMAND_TIMEOUT_MS = 60_000;
const PAGE = 1_000;
const HOUR_MS = 3_600_000;

export class Api {
  /** `time`: of every event, ISO. */
  constructor(
    private readonly urls: Urls,
    readonly time: string,
  ) {}

  get regions(): readonly string[] {
    return Object.keys(this.urls.reconciliation);
  }

  /** `again`: whether it is durable nobody knows. */
  async post(region: string, tenant: string, events: readonly object[]): Promise<Posted> {
    const response = await this.ask(`${this.urls.ingest[region]}/v1/events`, POST_TIMEOUT_MS, {
      method: 'POST', body: JSON.stringify(events), headers: { 'content-type': 'application/cloudevents-batch+json', 'meridian-tenant': tenant },
    }).catch(() => undefined);
    const body = (await response?.json().catch(() => undefined)) as { readonly rejected?: number } | undefined;
    if (response?.status === 202 && body) return body.rejected === 0 ? 'acknowledged' : 'refused';
    return response === undefined || response.status >= 500 || response.status === 429 || response.ok ? 'again' : 'refused';
  }

  async claim(region: string): Promise<Claim> {
    return claimOf(await this.get<ClaimJson>(region, '/v1/coverage'));
  }

  /** Undefined when nothing of it is in the region's cut. */
  async session(region: string, { tenant, session }: SessionRef): Promise<Answer | undefined> {
    const json = await this.find<SessionJson & ClaimJson>(region, `/v1/tenants/${tenant}/sessions/${encodeURIComponent(session)}`);
    return json && answerOf(region, tenant, json, claimOf(json));
  }

  /** How far that region is with every log. */
  async coverage(region: string): Promise<readonly LogCoverage[]> {
    return (await this.get<{ readonly logs: readonly LogCoverage[] }>(region, '/v1/coverage')).logs;
  }

  /** Pages of the list of a tenant's sessions, each at the cut of the one before or a later one. */
  async *sessions(region: string, tenant: string): AsyncGenerator<SessionPage> {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: ClaimJson & { readonly sessions: readonly SessionJson[]; readonly next: string | null } = await this.get(region, `/v1/tenants/${tenant}/sessions?period=${this.time.slice(0, 7)}&limit=${PAGE}${at}`);
      const claim = claimOf(page);
      yield { claim, answers: page.sessions.map((one) => answerOf(region, tenant, one, claim)) };
      cursor = page.next;
    }
  }

  /** Names of the region's logs that were not given up. */
  async logs(region: string): Promise<readonly string[]> {
    const { logs } = await this.get<{ readonly logs: readonly { readonly log: string; readonly region: string; readonly retired: object | null }[] }>(region, '/v1/logs');
    return logs.filter((one) => one.region === region && one.retired === null).map(({ log }) => log);
  }

  /** All of a tenant's, by the rows of usage. */
  async usage(region: string, tenant: string): Promise<Usage> {
    const from = Math.floor(Date.parse(this.time) / HOUR_MS) * HOUR_MS;
    const range = `from=${iso(from)}&to=${iso(from + HOUR_MS)}&by=hour`;
    const { lines } = await this.get<{ readonly lines: readonly SessionJson[] }>(region, `/v1/tenants/${tenant}/usage?${range}`);
    return lines.reduce((sum, { tokens }) => ({ input: sum.input + BigInt(tokens['input'] ?? 0), output: sum.output + BigInt(tokens['output'] ?? 0) }), { input: 0n, output: 0n });
  }

  /** An operator's command, in that region. Rejects when it is refused. */
  async command(region: string, path: string, body: object): Promise<void> {
    const response = await this.ask(`${this.urls.reconciliation[region]}${path}`, COMMAND_TIMEOUT_MS, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    if (!response.ok) throw new FaultsError('faults_no_answer', `POST ${path} in ${region}: ${response.status} ${await response.text()}`);
  }

  private async get<T>(region: string, path: string): Promise<T> {
    const found = await this.find<T>(region, path);
    if (found === undefined) throw new FaultsError('faults_no_answer', `GET ${path} in ${region}: 404`);
    return found;
  }

  /** Undefined: there is none. Whatever else keeps the answer from coming whole is `faults_no_answer`; what came whole and cannot be read is not. */
  private async find<T>(region: string, path: string): Promise<T | undefined> {
    const { status, text } = await this.answer(`${this.urls.reconciliation[region]}${path}`).catch((cause: unknown) => {
      throw new FaultsError('faults_no_answer', `GET ${path} in ${region}: ${(cause as Error).message}`, { cause });
    });
    if (status === 404) return undefined;
    if (status !== 200) throw new FaultsError('faults_no_answer', `GET ${path} in ${region}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  private async answer(url: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await this.ask(url, GET_TIMEOUT_MS, {});
    return { status: response.status, text: await response.text() };
  }

  private ask(url: string, timeoutMs: number, { headers = {}, ...init }: Asked): Promise<Response> {
    return fetch(url, { ...init, headers: { ...headers, authorization: `Bearer ${this.urls.key}` }, signal: AbortSignal.timeout(timeoutMs) });
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function claimOf({ status, cut, asOf, reasons }: ClaimJson): Claim {
  return { isFinal: status === 'final', cut, asOf: asOf === null ? undefined : Date.parse(asOf), reasons };
}

function answerOf(region: string, tenant: string, { session, tokens }: SessionJson, { isFinal, cut, asOf }: Claim): Answer {
  return { region, tenant, session, input: BigInt(tokens['input'] ?? 0), output: BigInt(tokens['output'] ?? 0), isFinal, cut, asOf };
}
