import { SessionState } from '@meridian/accounting';
import { Sessions } from './sessions';

const NAME = 'session-1';
/** Of one session without entries, as counted. */
const BYTES = ((): number => {
  const session = new Sessions(0).get('acme', NAME);
  return session.bytes + new SessionState().memoryBytes;
})();

function settle(sessions: Sessions, ...names: readonly string[]): void {
  for (const name of names) sessions.settle(sessions.get('acme', name), new SessionState());
  sessions.shrink();
}

function isRemembered(sessions: Sessions, name: string): boolean {
  return sessions.get('acme', name).state !== undefined;
}

describe('what is remembered of sessions between flushes', () => {
  it('goes after it was not used for half of the bound', () => {
    const sessions = new Sessions(3 * BYTES);
    settle(sessions, 'session-1', 'session-2');
    settle(sessions, 'session-2', 'session-3');
    expect(['session-1', 'session-2', 'session-3'].filter((name) => isRemembered(sessions, name))).toEqual(['session-2', 'session-3']);
  });

  it('is nothing after a flush that was beyond the bound by itself', () => {
    const sessions = new Sessions(3 * BYTES);
    settle(sessions, 'session-1', 'session-2', 'session-3', 'session-4');
    expect(isRemembered(sessions, 'session-4')).toBe(false);
  });

  it('is apart for tenants that use the same name', () => {
    const sessions = new Sessions(100 * BYTES);
    settle(sessions, NAME);
    expect(sessions.get('other', NAME).state).toBeUndefined();
    expect(isRemembered(sessions, NAME)).toBe(true);
  });
});
