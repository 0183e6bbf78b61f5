/** Entry point of `meridian`: runs one command and ends with its exit code, the reason in one sentence on stderr. */
import { CommanderError } from 'commander';
import { EXIT, exitCodeOf, sentenceOf } from './errors';
import { endWithReader, note } from './output';
import { createProgram } from './program';

async function main(): Promise<void> {
  endWithReader();
  try {
    await createProgram().parseAsync(process.argv.slice(2), { from: 'user' });
  } catch (error) {
    // Commander has said what it had to say; asking for help is no error.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else {
      note(`meridian: ${sentenceOf(error)}`);
      process.exitCode = exitCodeOf(error);
    }
  }
}

void main();
