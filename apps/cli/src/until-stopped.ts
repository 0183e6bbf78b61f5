/** Running until told to stop: a signal asks for a graceful end, a second one, or patience running out, forces it. */
import { EXIT } from './errors';
import { note } from './output';

/** Closing that takes longer than this is stuck. */
const CLOSE_DEADLINE_MS = 25_000;
/** npm passes on the Ctrl-C that the terminal has sent to everyone: that is no second one. */
const ECHO_MS = 500;

/** Resolves at SIGINT or SIGTERM; from then on the process ends by itself, or is ended. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let since: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (since !== undefined && now - since < ECHO_MS) return;
      if (since !== undefined) process.exit(EXIT.error);
      since = now;
      setTimeout(() => {
        note('meridian: closing takes too long, ending now. Nothing acknowledged is lost.');
        process.exit(EXIT.error);
      }, CLOSE_DEADLINE_MS).unref();
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
