/** `docs/errors.md` says of every code there is what the code says, and names no other; every alarm has a runbook. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCOUNTING_ERROR_CODES, AccountingError, QUARANTINE_CODES, type MeridianError } from '@meridian/accounting';
import { EVENT_LOG_ERROR_CODES, EventLogError } from '@meridian/event-log';
import { CONFIG_ERROR_CODES, ConfigError, HTTP_ERROR_CODES, HTTP_ERRORS, toProblem } from '@meridian/http';
import { REJECTION_CODES } from '@meridian/ingest';
import { LEDGER_ERROR_CODES, LedgerError } from '@meridian/ledger';
import { ALARM_CODES, PIPELINE_ERROR_CODES, PipelineError } from '@meridian/pipeline';
import { PUBLISHER_ERROR_CODES, PublisherError } from '@meridian/publisher';
import { CLI_ERROR_CODES, CliError, exitCodeOf } from './errors';

const root = join(__dirname, '../../..');
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');

/** Cells of the rows under a heading that begin with a code. */
function rows(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([a-z_]+)` \| (.*) \|$/gm)].map(([, code = '', rest = '']) => [code, ...rest.split(' | ')]);
}

const operating: readonly (readonly [from: string, error: MeridianError])[] = [
  ...ACCOUNTING_ERROR_CODES.map((code) => ['accounting', new AccountingError(code, '')] as const),
  ...EVENT_LOG_ERROR_CODES.map((code) => ['event-log', new EventLogError(code, '')] as const),
  ...LEDGER_ERROR_CODES.map((code) => ['ledger', new LedgerError(code, '')] as const),
  ...PIPELINE_ERROR_CODES.map((code) => ['pipeline', new PipelineError(code, '')] as const),
  ...PUBLISHER_ERROR_CODES.map((code) => ['publisher', new PublisherError(code, '', { field: '', fix: '' })] as const),
  ...CONFIG_ERROR_CODES.map(() => ['http', new ConfigError([])] as const),
];

/** `–` for an error that no request ends with, but for a defect. */
function statusOf(error: MeridianError): string {
  const { code, status } = toProblem(error).problem;
  return code === error.code ? String(status) : '–';
}

/** Names of the exported lists of codes, by the sources themselves. */
function listsInSources(): string[] {
  const files = ['libs', 'apps'].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((project) => {
      const source = join(root, folder, project, 'src');
      return readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => join(source, name));
    }),
  );
  return files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/^export const (\w+_CODES) = \[/gm)].map(([, name = '']) => name));
}

describe('docs/errors.md', () => {
  it('lists every operating error with its library, whether it is retryable, and its HTTP status', () => {
    const expected = operating.map(([from, error]) => [error.code, from, error.retryable ? 'yes' : 'no', statusOf(error)]);
    expect(rows('Operating errors').map((cells) => cells.slice(0, 4)).sort()).toEqual(expected.sort());
  });

  it('lists every answer of the HTTP API with its status', () => {
    const expected = HTTP_ERROR_CODES.map((code) => [code, String(HTTP_ERRORS[code].status)]);
    expect(rows('Answers of the HTTP API').map((cells) => cells.slice(0, 2)).sort()).toEqual(expected.sort());
  });

  it.each([
    ['Rejections of single events', REJECTION_CODES],
    ['Quarantine', QUARANTINE_CODES],
  ])('lists under "%s" exactly the codes that the code has', (heading, codes) => {
    expect(rows(heading).map(([code]) => code).sort()).toEqual([...codes].sort());
  });

  it('lists every error of the command line with its exit code', () => {
    const expected = CLI_ERROR_CODES.map((code) => [code, String(exitCodeOf(new CliError(code, '')))]);
    expect(rows('Command line').map((cells) => cells.slice(0, 2)).sort()).toEqual(expected.sort());
  });

  it('knows every list of codes that a project exports', () => {
    expect(listsInSources().sort()).toEqual([
      'ACCOUNTING_ERROR_CODES', 'ALARM_CODES', 'CLI_ERROR_CODES', 'CONFIG_ERROR_CODES', 'EVENT_LOG_ERROR_CODES', 'HTTP_ERROR_CODES', 'LEDGER_ERROR_CODES',
      'PIPELINE_ERROR_CODES', 'PUBLISHER_ERROR_CODES', 'QUARANTINE_CODES', 'REJECTION_CODES',
    ]);
  });
});

describe('docs/runbooks', () => {
  it.each(ALARM_CODES)('has one for the alarm %s: symptom, check, act, verify', (code) => {
    const runbook = readFileSync(join(root, `docs/runbooks/${code}.md`), 'utf8');
    for (const part of ['Symptom', 'Check', 'Act', 'Verify']) expect(runbook).toMatch(new RegExp(`^\\*\\*${part}\\b`, 'm'));
  });
});
