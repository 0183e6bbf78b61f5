/** What every service promises of its configuration and its own start, as a suite that each runs from its own spec. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Environment } from './config';
import { ConfigError } from './errors';
import type { MainService } from './main';

export interface ServiceContractOptions {
  readonly variables: z.ZodObject;
  readonly config: (env: Environment) => object;
  /** The stores of which it needs to be told where they are. */
  readonly stores: readonly `MERIDIAN_${string}`[];
  readonly start: (env: Environment) => Promise<MainService>;
}

export function serviceContract(name: string, { variables, config, stores, start }: ServiceContractOptions): void {
  const directory = mkdtempSync(join(tmpdir(), `meridian-${name}-`));
  const at = (place: string): string => `level:${join(directory, place)}`;
  const required: Environment = { MERIDIAN_REGION: 'eu', ...Object.fromEntries(stores.map((store) => [store, at(store)])) };
  afterAll(() => rmSync(directory, { recursive: true }));

  describe(`configuration of ${name}`, () => {
    it('is listed in .env.example, every variable with its default', () => {
      const defaults: Readonly<Record<string, unknown>> = { ...config(required) };
      const listed = example(name);
      expect(Object.keys(listed).sort()).toEqual(Object.keys(variables.shape).sort());
      for (const [variable, value] of Object.entries(listed)) {
        expect([variable, value]).toEqual([variable, variable in required ? '' : text(defaults[variable])]);
      }
    });

    it('names every variable that is missing or wrong, all at once, and points to meridian dev', () => {
      const wrong = { MERIDIAN_REGION: 'a b', MERIDIAN_PORT: '80x', MERIDIAN_LEDGER: 'redis:somewhere', LOG_LEVEL: 'loud', OTEL_TRACES_SAMPLER: 'sometimes', OTEL_TRACES_SAMPLER_ARG: '1.5' };
      const read = (): unknown => config(wrong);
      expect(read).toThrow(/MERIDIAN_REGION: must match/);
      expect(read).toThrow(/MERIDIAN_PORT: must be a whole number 0\.\.65535/);
      expect(read).toThrow(/MERIDIAN_LEDGER: has the unknown scheme "redis": write level:DIRECTORY or dynamodb:/);
      expect(read).toThrow(/MERIDIAN_CONTROL: not set: .*npx meridian dev/);
      expect(read).toThrow(/LOG_LEVEL: must be one of/);
      expect(read).toThrow(/OTEL_TRACES_SAMPLER: must be always_on, always_off or traceidratio/);
      expect(read).toThrow(/OTEL_TRACES_SAMPLER_ARG: must be a number 0\.\.1/);
    });

    it('takes an empty variable for one that is not set', () => {
      expect(config({ ...required, MERIDIAN_PORT: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toMatchObject({ MERIDIAN_PORT: 8080 });
    });
  });

  describe(`a process of ${name}`, () => {
    const env = { ...required, MERIDIAN_PORT: '0', LOG_LEVEL: 'silent' };

    it('starts from its environment on embedded stores, again and again', async () => {
      for (let run = 0; run < 2; run++) {
        const service = await start(env);
        expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
        await service.close();
      }
    });

    it('says what is not configured', async () => {
      await expect(start({ MERIDIAN_REGION: 'eu' })).rejects.toThrow(ConfigError);
      await expect(start({ MERIDIAN_REGION: 'eu' })).rejects.toThrow(/MERIDIAN_LEDGER: not set: .*npx meridian dev/);
    });

    it('leaves nothing open when it cannot start', async () => {
      const first = await start(env);
      await expect(start({ ...env, MERIDIAN_LEDGER: at('other') })).rejects.toMatchObject({ code: expect.stringMatching(/_unavailable$/) as string });
      await first.close();
      await (await start(env)).close();
    });
  });
}

/** The variables of `.env.example` whose comment names the service, with their values. */
function example(service: string): Record<string, string> {
  const page = readFileSync(join(__dirname, '../../../.env.example'), 'utf8');
  const entries = [...page.matchAll(/^# ([a-z, ]+): .*\n([A-Z_]+)=(.*)$/gm)];
  expect(entries).toHaveLength([...page.matchAll(/^[A-Z_]+=/gm)].length);
  return Object.fromEntries(entries.filter(([, services]) => services!.split(', ').includes(service)).map(([, , name, value]) => [name!, value!]));
}

function text(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
}
