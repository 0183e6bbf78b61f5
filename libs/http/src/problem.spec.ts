import { ConfigError, HTTP_ERROR_CODES, HTTP_ERRORS, HttpError } from './errors';
import { toProblem } from './problem';
import { LedgerError } from '@meridian/ledger';
import { PipelineError } from '@meridian/pipeline';

describe('toProblem', () => {
  it('knows a status and a title for every code', () => {
    for (const code of HTTP_ERROR_CODES) {
      const { problem } = toProblem(new HttpError(code, 'why'));
      expect(problem).toMatchObject({ type: `urn:meridian:problem:${code}`, code, status: HTTP_ERRORS[code].status, title: HTTP_ERRORS[code].title });
    }
  });

  it('says when to come back', () => {
    expect(toProblem(new HttpError('overloaded', 'x')).headers).toEqual({ 'retry-after': '1' });
    expect(toProblem(new LedgerError('ledger_unavailable', 'x')).headers).toEqual({ 'retry-after': '1' });
  });

  it('keeps the words of operating errors that may name machines', () => {
    const { problem, isDefect } = toProblem(new LedgerError('ledger_unavailable', 'secret-host:8000 refused'));
    expect(problem).toMatchObject({ status: 503, code: 'ledger_unavailable' });
    expect(problem.detail).not.toContain('secret-host');
    expect(isDefect).toBe(false);
  });

  it('passes on what the pipeline says of a request', () => {
    expect(toProblem(new PipelineError('unknown_job', 'there is no job x')).problem).toMatchObject({ status: 404, detail: 'there is no job x' });
    expect(toProblem(new PipelineError('scope_invalid', 'scope.from must be …')).problem.status).toBe(400);
  });

  it('calls everything else a defect and tells nothing of it', () => {
    for (const error of [new Error('the password is x'), 'the password is x', undefined, new ConfigError(['x']), new LedgerError('ledger_invalid', 'the password is x')]) {
      const { problem, isDefect } = toProblem(error);
      expect(problem).toMatchObject({ status: 500, code: 'internal' });
      expect(problem.detail).not.toContain('password');
      expect(isDefect).toBe(true);
    }
  });
});
