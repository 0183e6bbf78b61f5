/** `meridian doctor`: looks at the machine and the data directory, and says what to fix. */
import { Command } from 'commander';
import { resolve } from 'node:path';
import { runChecks, type Check } from '../checks';
import { DataDirectory } from '../data-directory';
import { EXIT } from '../errors';
import { bad, good } from '../format';
import { dataOption, jsonOption, REGIONS_DEFAULT } from '../options';
import { print, printJson } from '../output';
import { portOption, regionsOption } from './dev';

interface Options {
  readonly data: string;
  readonly port: number;
  readonly regions?: string[];
  readonly json?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this machine: Node, disk, ports, clock, and what runs')
    .addOption(dataOption('data directory to check'))
    .addOption(portOption())
    .addOption(regionsOption())
    .addOption(jsonOption())
    .action(async ({ data, port, regions, json }: Options) => {
      const directory = new DataDirectory(resolve(data));
      const layout = await directory.layout().catch(() => undefined);
      const checks = await runChecks({ data: directory, port, regions: (regions ?? layout?.regions ?? REGIONS_DEFAULT).length });
      const isSound = checks.every(({ ok }) => ok);
      if (json) printJson({ ok: isSound, checks });
      else print(report(checks));
      if (!isSound) process.exitCode = EXIT.error;
    });
}

function report(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, ok, detail, fix }) => [
    `${ok ? good('ok  ') : bad('FAIL')}  ${name.padEnd(width)}  ${detail}`,
    ...(fix === undefined ? [] : [`      ${' '.repeat(width)}  → ${fix}`]),
  ]);
  return lines.join('\n');
}
