import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@meridian/http';
import { startProcess } from './process';

const directory = mkdtempSync(join(tmpdir(), 'meridian-reconciliation-'));
afterAll(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => `level:${join(directory, name)}`;
const ENV = {
  MERIDIAN_REGION: 'eu', MERIDIAN_PORT: '0', LOG_LEVEL: 'silent',
  MERIDIAN_LEDGER: at('ledger'), MERIDIAN_CONTROL: at('control'), MERIDIAN_DERIVED: at('derived'),
};

describe('a process of its own', () => {
  it('starts from its environment on embedded stores, again and again', async () => {
    for (let run = 0; run < 2; run++) {
      const service = await startProcess(ENV);
      expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
      await service.close();
    }
  });

  it('says what is not configured', async () => {
    await expect(startProcess({ MERIDIAN_REGION: 'eu' })).rejects.toThrow(ConfigError);
    await expect(startProcess({ MERIDIAN_REGION: 'eu' })).rejects.toThrow(/MERIDIAN_LEDGER: not set: .*npx meridian dev/);
  });

  it('leaves nothing open when it cannot start', async () => {
    const first = await startProcess(ENV);
    await expect(startProcess({ ...ENV, MERIDIAN_LEDGER: at('other') })).rejects.toMatchObject({ code: expect.stringMatching(/_unavailable$/) as string });
    await first.close();
    await (await startProcess(ENV)).close();
  });
});
