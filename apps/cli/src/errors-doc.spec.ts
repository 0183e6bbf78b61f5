/** `docs/errors.md` lists every code there is, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCOUNTING_ERROR_CODES, QUARANTINE_CODES } from '@meridian/accounting';
import { EVENT_LOG_ERROR_CODES } from '@meridian/event-log';
import { CONFIG_ERROR_CODES, HTTP_ERROR_CODES, HTTP_ERRORS } from '@meridian/http';
import { REJECTION_CODES } from '@meridian/ingest';
import { LEDGER_ERROR_CODES } from '@meridian/ledger';
import { PIPELINE_ERROR_CODES } from '@meridian/pipeline';
import { CLI_ERROR_CODES } from './errors';

const page = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8');

/** First and second cells of the table under a heading. */
function rows(heading: string): [string, string][] {
  const section = page.split(`\n## ${heading}`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([a-z_]+)` \| ([^|]*) \|/gm)].map(([, code = '', second = '']) => [code, second.trim()]);
}

describe('docs/errors.md', () => {
  it.each([
    ['Operating errors', [...ACCOUNTING_ERROR_CODES, ...EVENT_LOG_ERROR_CODES, ...LEDGER_ERROR_CODES, ...PIPELINE_ERROR_CODES, ...CONFIG_ERROR_CODES]],
    ['Answers of the HTTP API', HTTP_ERROR_CODES],
    ['Rejections of single events', REJECTION_CODES],
    ['Quarantine', QUARANTINE_CODES],
    ['Command line', CLI_ERROR_CODES],
  ])('lists under "%s" exactly the codes that the code has', (heading, codes) => {
    expect(rows(heading).map(([code]) => code).sort()).toEqual([...codes].sort());
  });

  it('gives the status of every HTTP answer', () => {
    for (const [code, status] of rows('Answers of the HTTP API')) expect([code, status]).toEqual([code, String(HTTP_ERRORS[code as keyof typeof HTTP_ERRORS].status)]);
  });
});
