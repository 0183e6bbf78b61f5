import { LedgerError } from '@meridian/ledger';
import { judge, translate } from './errors';

const answered = (name: string, httpStatusCode: number): object => ({ name, message: 'm', $metadata: { httpStatusCode } });

describe('what a failed attempt means', () => {
  const cases: [string, unknown, string, string, boolean][] = [
    ['throttling', answered('ThrottlingException', 400), 'ledger_throttled', 'ledger_throttled', true],
    ['a hot partition', answered('ProvisionedThroughputExceededException', 400), 'ledger_throttled', 'ledger_throttled', true],
    ['a load balancer\'s 429', answered('Unknown', 429), 'ledger_throttled', 'ledger_throttled', true],
    ['a write in another region', answered('ReplicatedWriteConflictException', 400), 'ledger_unavailable', 'ledger_unavailable', true],
    ['no connection', { name: 'Error', code: 'ECONNREFUSED' }, 'ledger_unavailable', 'ledger_unavailable', true],
    ['no name', { name: 'Error', code: 'ENOTFOUND' }, 'ledger_unavailable', 'ledger_unavailable', true],
    ['an invalid request', answered('ValidationException', 400), 'ledger_invalid', 'ledger_invalid', false],
    ['a missing table', answered('ResourceNotFoundException', 400), 'ledger_unavailable', 'ledger_unavailable', false],
    ['missing rights', answered('AccessDeniedException', 400), 'ledger_unavailable', 'ledger_unavailable', false],
    ['no credentials', { name: 'CredentialsProviderError' }, 'ledger_unavailable', 'ledger_unavailable', false],
    ['a server error', answered('InternalServerError', 500), 'ledger_ambiguous', 'ledger_unavailable', true],
    ['a service that is not there', answered('ServiceUnavailable', 503), 'ledger_ambiguous', 'ledger_unavailable', true],
    ['a timeout', { name: 'TimeoutError' }, 'ledger_ambiguous', 'ledger_unavailable', true],
    ['an aborted attempt', { name: 'AbortError' }, 'ledger_ambiguous', 'ledger_unavailable', true],
    ['a connection that broke', { name: 'Error', code: 'ECONNRESET' }, 'ledger_ambiguous', 'ledger_unavailable', true],
    ['an answer that is no JSON', { name: 'SyntaxError', $metadata: { httpStatusCode: 200 } }, 'ledger_ambiguous', 'ledger_unavailable', true],
    ['anything else', 'what?', 'ledger_ambiguous', 'ledger_unavailable', true],
  ];
  it.each(cases)('%s', (_, error, ofWrite, ofRead, isRetried) => {
    expect(judge(error, true)).toEqual({ code: ofWrite, isRetried });
    expect(judge(error, false)).toEqual({ code: ofRead, isRetried });
  });

  it('leaves errors that are ours as they are', () => {
    const ours = new LedgerError('ledger_invalid', 'why');
    expect(translate(ours, 'doing')).toBe(ours);
    expect(translate(answered('AccessDeniedException', 400), 'doing')).toMatchObject({ code: 'ledger_unavailable', message: 'doing: AccessDeniedException: m' });
  });
});
