/** The program: one command per file in `commands/`. Wrong use never gets as far as a command's action. */
import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coverageCommand } from './commands/coverage';
import { demoCommand } from './commands/demo';
import { devCommand } from './commands/dev';
import { doctorCommand } from './commands/doctor';
import { explainCommand } from './commands/explain';
import { keysCommand } from './commands/keys';
import { logsCommand, takeoverCommand } from './commands/logs';
import { replayCommand } from './commands/replay';
import { rerunCommand } from './commands/rerun';
import { sendCommand } from './commands/send';
import { tablesCommand } from './commands/tables';
import { topicsCommand } from './commands/topics';
import { totalCommand } from './commands/total';
import { usageCommand } from './commands/usage';

const EXIT_CODES = `
Exit codes: 0 ok, 1 error, 2 wrong use or wrong file, 3 drift or not exact.
Environment: MERIDIAN_URL, MERIDIAN_KEY and MERIDIAN_DATA stand for --url, --key and --data.`;

export function createProgram(): Command {
  const program = new Command('meridian')
    .description('Exact, session-aware LLM token accounting across regions.')
    .version(version(), '-V, --version')
    .showHelpAfterError('(`meridian --help` lists the commands)')
    .addHelpText('after', EXIT_CODES);
  for (const command of [
    devCommand(), demoCommand(), sendCommand(), replayCommand(), totalCommand(), explainCommand(), usageCommand(), coverageCommand(), rerunCommand(), doctorCommand(),
    logsCommand(), takeoverCommand(), topicsCommand(), tablesCommand(), keysCommand(),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) command.exitOverride().allowExcessArguments(false);
  return program;
}

function version(): string {
  return (JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { readonly version: string }).version;
}
