/**
 * Jobs: work that ops asks for, kept on record in the control table with its progress and result. A job that was cut
 * off is run again by its region when the service starts: every kind of job may run any number of times.
 */
import { MeridianError, type Clock, type Hash, type Random } from '@meridian/accounting';
import { decodeJson, encodeJson, keys, queryAll, type Ledger } from '@meridian/ledger';
import { PipelineError } from '../errors';
import { retrying } from '../loop';
import type { Probe } from '../probe';
import { checkScope, Rerun, type RerunProgress, type RerunResult, type RerunScope } from './rerun';

export interface JobRequest {
  readonly kind: 'resolve';
  readonly scope: RerunScope;
  readonly dryRun: boolean;
}

export interface Job extends JobRequest {
  readonly id: string;
  /** The region whose derived rows it is about. */
  readonly region: string;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed';
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly progress?: RerunProgress;
  readonly result?: RerunResult;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface JobParts {
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly region: string;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
}

/** Jobs that wait to be run, beside the one running. */
const QUEUE_MAX = 100;

export class Jobs {
  private readonly queue: Job[] = [];
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(private readonly parts: JobParts) {}

  /** Takes up again what a former process of this region left unfinished. */
  async start(): Promise<void> {
    for await (const row of queryAll(this.parts.control, keys.jobsPk, {}, { consistent: true })) {
      const job: Job = decodeJson<Job>(row.value);
      if (job.region === this.parts.region && (job.state === 'queued' || job.state === 'running')) this.queue.push(job);
    }
    this.work();
  }

  /** Puts the job on record and in the queue. Throws `scope_invalid` or `contended` (too many jobs). */
  async submit(request: JobRequest): Promise<Job> {
    checkScope(request.scope);
    if (this.queue.length >= QUEUE_MAX) throw new PipelineError('contended', `${QUEUE_MAX} jobs are waiting already; try again later`);
    const { clock, random, region, control } = this.parts;
    const now = clock.now();
    const id = `${now.toString(36)}${Math.floor(random.next() * 36 ** 6).toString(36).padStart(6, '0')}`;
    const job: Job = { ...request, id, region, state: 'queued', createdAt: now, updatedAt: now };
    await control.replace({ ...keys.job(id), version: 0, value: encodeJson(job) });
    this.queue.push(job);
    this.work();
    return job;
  }

  /** Throws `unknown_job`. */
  async get(id: string): Promise<Job> {
    const row = await this.parts.control.get(keys.job(id), { consistent: true });
    if (!row) throw new PipelineError('unknown_job', `there is no job ${id}`);
    return decodeJson<Job>(row.value);
  }

  /** Waits for the job at work; those in the queue stay on record for the next start. */
  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private work(): void {
    this.running ??= this.drain().finally(() => {
      this.running = undefined;
    });
  }

  private async drain(): Promise<void> {
    for (let job = this.queue.shift(); job && !this.stopping.signal.aborted; job = this.queue.shift()) await this.runJob(job);
  }

  private async runJob(queued: Job): Promise<void> {
    let job: Job = { ...queued, state: 'running' };
    const save = async (change: Partial<Job>): Promise<void> => {
      job = { ...job, ...change, updatedAt: this.parts.clock.now() };
      await this.parts.control.replace({ ...keys.job(job.id), version: job.updatedAt, value: encodeJson(job) });
    };
    try {
      await save({ state: 'running' });
      // Running it again from the start is always right: while the ledger is down the job waits.
      const run = (): Promise<RerunResult> => {
        const options = { scope: job.scope, dryRun: job.dryRun, onProgress: (progress: RerunProgress) => save({ progress }) };
        return new Rerun(this.parts, options).run();
      };
      await save({ state: 'succeeded', result: await this.retried(run) });
    } catch (error) {
      // Stopped while it waited for the ledger: the next start takes it up.
      if (this.stopping.signal.aborted) return;
      const code = error instanceof MeridianError ? error.code : 'internal';
      const message = error instanceof Error ? error.message : String(error);
      await this.retried(() => save({ state: 'failed', error: { code, message } })).catch(() => undefined);
    }
  }

  private retried<T>(act: () => Promise<T>): Promise<T> {
    return retrying('job', { ...this.parts, signal: this.stopping.signal }, act);
  }
}
