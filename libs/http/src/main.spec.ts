import { ConfigError } from './errors';
import { EXIT_ERROR, EXIT_USAGE, opening, runMain } from './main';

describe('runMain', () => {
  let said = '';
  beforeEach(() => {
    said = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = undefined;
  });

  it('prints every error of the configuration and exits 2', async () => {
    await runMain(() => Promise.reject(new ConfigError(['A: not set', 'B: too small'])));
    expect(process.exitCode).toBe(EXIT_USAGE);
    expect(said).toBe('the configuration cannot be used:\n  A: not set\n  B: too small\n');
  });

  it('drains on SIGTERM', async () => {
    let isClosed = false;
    const running = runMain(async () => ({ url: '', close: async () => void (isClosed = true) }));
    await new Promise((resolve) => setImmediate(resolve));
    process.emit('SIGTERM');
    await running;
    expect([isClosed, process.exitCode]).toEqual([true, undefined]);
  });

  it('drains and exits 1 when the service fails for good', async () => {
    let isClosed = false;
    await runMain(async () => ({ url: '', close: async () => void (isClosed = true), ended: Promise.reject(new Error('the log is gone')) }));
    expect([isClosed, process.exitCode, said]).toEqual([true, EXIT_ERROR, 'the log is gone\n']);
  });
});

describe('opening', () => {
  it('closes what was opened, last first, when the start fails and when the service is closed', async () => {
    const closed: string[] = [];
    const close = async (name: string): Promise<void> => void closed.push(name);
    await expect(opening(async (opened) => {
      opened.add('log', close);
      opened.add('ledger', close);
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(closed).toEqual(['ledger', 'log']);
    const service = await opening(async (opened) => {
      opened.add('store', close);
      return { url: 'http://x', close: () => close('service') };
    });
    await service.close();
    expect(closed).toEqual(['ledger', 'log', 'service', 'store']);
    expect(service.url).toBe('http://x');
  });
});
