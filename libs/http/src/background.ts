/** The loops behind a service: they run until they are stopped, and the first one that fails for good stops all. */
import type { Logger } from 'pino';
import { HTTP_LOG_EVENTS } from './log-events';

export class Background {
  /** Rejects with the reason when a loop failed for good; resolves when all have ended after `stop`. */
  readonly ended: Promise<void>;
  private readonly stopping = new AbortController();
  private failure: Error | undefined;

  /** `start` is given the signal at which its loops must end, and answers their ends. */
  constructor(start: (signal: AbortSignal) => readonly Promise<unknown>[], logger: Logger) {
    const loops = start(this.stopping.signal).map((loop) => loop.catch((error: unknown) => this.fail(error as Error, logger)));
    this.ended = Promise.all(loops).then(() => {
      if (this.failure) throw this.failure;
    });
    // Whoever cares looks at `ended`; nobody has to.
    this.ended.catch(() => undefined);
  }

  /** Throws the reason when a loop has failed. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Tells the loops to end. */
  stop(): void {
    this.stopping.abort();
  }

  private fail(error: Error, logger: Logger): void {
    if (!this.failure) logger.fatal({ event: HTTP_LOG_EVENTS.failed, err: error });
    this.failure ??= error;
    this.stopping.abort();
  }
}
