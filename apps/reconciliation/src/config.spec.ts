import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reconciliationConfig, reconciliationVariables } from './config';

const REQUIRED = { MERIDIAN_REGION: 'eu', MERIDIAN_LEDGER: 'level:/data/ledger', MERIDIAN_CONTROL: 'level:/data/control', MERIDIAN_DERIVED: 'level:/data/derived' };

/** The variables of `.env.example` whose comment names the service, with their values. */
function example(service: string): Record<string, string> {
  const text = readFileSync(join(__dirname, '../../../.env.example'), 'utf8');
  const entries = [...text.matchAll(/^# ([a-z, ]+): .*\n([A-Z_]+)=(.*)$/gm)];
  expect(entries).toHaveLength([...text.matchAll(/^[A-Z_]+=/gm)].length);
  return Object.fromEntries(entries.filter(([, services]) => services!.split(', ').includes(service)).map(([, , name, value]) => [name!, value!]));
}

function text(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
}

describe('configuration', () => {
  it('is listed in .env.example, every variable with its default', () => {
    const defaults: Readonly<Record<string, unknown>> = reconciliationConfig(REQUIRED);
    const listed = example('reconciliation');
    expect(Object.keys(listed).sort()).toEqual(Object.keys(reconciliationVariables.shape).sort());
    for (const [name, value] of Object.entries(listed)) {
      expect([name, value]).toEqual([name, name in REQUIRED ? '' : text(defaults[name])]);
    }
  });

  it('names every variable that is missing or wrong, all at once, and points to meridian dev', () => {
    const read = (): unknown => reconciliationConfig({ MERIDIAN_REGION: 'a b', MERIDIAN_PORT: '80x', MERIDIAN_LEDGER: 'redis:somewhere', LOG_LEVEL: 'loud' });
    expect(read).toThrow(/MERIDIAN_REGION: must match/);
    expect(read).toThrow(/MERIDIAN_PORT: must be a whole number 0\.\.65535/);
    expect(read).toThrow(/MERIDIAN_LEDGER: has the unknown scheme "redis": write level:DIRECTORY or dynamodb:/);
    expect(read).toThrow(/MERIDIAN_CONTROL: not set: .*npx meridian dev/);
    expect(read).toThrow(/LOG_LEVEL: must be one of/);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(reconciliationConfig({ ...REQUIRED, MERIDIAN_PORT: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toMatchObject({ MERIDIAN_PORT: 8080 });
  });
});
