/** A measurement in a process of its own, so that its CPU time and its memory are its own. */
import { fork } from 'node:child_process';

/** Runs the script, which answers by `answerParent`. Under `node --cpu-prof` it is profiled too. */
export function runInChild<T>(script: string, argument: object, execArgv: readonly string[] = []): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [JSON.stringify(argument)], { execArgv: [...process.execArgv, ...execArgv] });
    child.once('message', (answer) => resolve(answer as T));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new RangeError(`a process of the bench ended with ${code ?? signal}`)));
  });
}

/** What a script does when it is run by `runInChild`, which is given what the function resolves to. */
export async function answerParent<Argument>(measure: (argument: Argument) => Promise<object>): Promise<void> {
  const answer = await measure(JSON.parse(process.argv[2] ?? '{}') as Argument);
  process.send?.(answer, undefined, {}, () => process.exit());
}
