/** What a service's `main.ts` does around its own start: tell what is wrong and exit, or run until told to stop. */
import { ConfigError } from './errors';
import type { RunningService } from './service';

/** What a process runs; `ended` rejects when it failed for good. */
export interface MainService extends RunningService {
  readonly ended?: Promise<void>;
}

export const EXIT_ERROR = 1;
export const EXIT_USAGE = 2;
/** Draining longer than this is cut off: orchestrators usually kill after 30 s. */
const DRAIN_MAX_MS = 25_000;

/** What was opened on the way to a running service, closed last first. */
export class Opened {
  private readonly closers: (() => Promise<void>)[] = [];

  /** Remembers how to close `opened`, and answers it. */
  add<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.closers.push(() => close(opened));
    return opened;
  }

  async close(): Promise<void> {
    for (let close = this.closers.pop(); close; close = this.closers.pop()) await close();
  }
}

/** Runs `start`; what it opened is closed when it fails, or when the service it answers is closed. */
export async function opening(start: (opened: Opened) => Promise<MainService>): Promise<MainService> {
  const opened = new Opened();
  try {
    const service = opened.add(await start(opened), (running) => running.close());
    return { ...service, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Starts, waits for SIGTERM, SIGINT or the service's own end, drains, and sets the exit code. */
export async function runMain(start: () => Promise<MainService>): Promise<void> {
  try {
    const service = await start();
    const signalled = new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
    });
    await Promise.race([signalled, service.ended ?? signalled]).finally(() => drain(service));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigError ? EXIT_USAGE : EXIT_ERROR;
  }
}

async function drain(service: MainService): Promise<void> {
  const overdue = setTimeout(() => {
    process.stderr.write(`still draining after ${DRAIN_MAX_MS} ms: giving up\n`);
    process.exit(EXIT_ERROR);
  }, DRAIN_MAX_MS);
  await service.close();
  clearTimeout(overdue);
}
