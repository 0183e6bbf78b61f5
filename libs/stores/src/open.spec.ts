import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig } from '@meridian/http';
import { systemClock, systemRandom } from '@meridian/system';
import { z } from 'zod';
import { kafkaConnection, openEventLog, openLedger } from './open';
import { eventLogVariables, groupVariables, kafkaVariables } from './variables';

const directory = mkdtempSync(join(tmpdir(), 'meridian-stores-'));
afterAll(() => rmSync(directory, { recursive: true }));

const who = { clientId: 'spec', region: 'eu-west-1' };
const BROKERS = ['127.0.0.1:9092'];

const connection = (env: Readonly<Record<string, string>>): ReturnType<typeof kafkaConnection> =>
  kafkaConnection(readConfig(z.object(kafkaVariables), env), BROKERS, who);

describe('how Kafka is connected to', () => {
  it('is without TLS and without a name when nothing is said', async () => {
    expect(await connection({})).toEqual({ brokers: BROKERS, clientId: 'spec' });
  });

  it('is over TLS with the authorities of the machine, or with those of a file', async () => {
    const file = join(directory, 'ca.pem');
    writeFileSync(file, 'PEM');
    expect(await connection({ MERIDIAN_KAFKA_TLS: 'true' })).toMatchObject({ ssl: true });
    expect(await connection({ MERIDIAN_KAFKA_TLS: 'true', MERIDIAN_KAFKA_TLS_CA_FILE: file })).toMatchObject({ ssl: { ca: 'PEM' } });
  });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('is with name and password by %s', async (mechanism) => {
    const env = { MERIDIAN_KAFKA_SASL: mechanism, MERIDIAN_KAFKA_USERNAME: 'u', MERIDIAN_KAFKA_PASSWORD: 'p' };
    expect(await connection(env)).toMatchObject({ sasl: { mechanism, username: 'u', password: 'p' } });
  });

  it('is with the credentials of AWS, over TLS, for MSK', async () => {
    expect(await connection({ MERIDIAN_KAFKA_TLS: 'true', MERIDIAN_KAFKA_SASL: 'msk-iam' })).toMatchObject({ ssl: true, sasl: { mechanism: 'msk-iam', region: 'eu-west-1' } });
  });

  it('is refused, every reason at once, when variables do not go together', async () => {
    const wrong = connection({ MERIDIAN_KAFKA_SASL: 'plain', MERIDIAN_KAFKA_TLS_CA_FILE: '/nowhere' });
    await expect(wrong).rejects.toThrow(ConfigError);
    await expect(wrong).rejects.toThrow(/MERIDIAN_KAFKA_USERNAME: not set/);
    await expect(wrong).rejects.toThrow(/MERIDIAN_KAFKA_PASSWORD: not set/);
    await expect(wrong).rejects.toThrow(/MERIDIAN_KAFKA_TLS_CA_FILE: is set without TLS/);
    await expect(wrong).rejects.toThrow(/MERIDIAN_KAFKA_TLS_CA_FILE: cannot be read/);
    await expect(connection({ MERIDIAN_KAFKA_SASL: 'msk-iam' })).rejects.toThrow(/MERIDIAN_KAFKA_TLS: msk-iam works over TLS only/);
    expect(() => readConfig(z.object(kafkaVariables), { MERIDIAN_KAFKA_SASL: 'gssapi', MERIDIAN_KAFKA_TLS: 'yes' })).toThrow(/MERIDIAN_KAFKA_TLS: must be true .*\n.*MERIDIAN_KAFKA_SASL: must be one of none, plain/);
  });
});

describe('an embedded store', () => {
  it('tells a second process what to do instead', async () => {
    const at = { scheme: 'level', directory: join(directory, 'ledger') } as const;
    const options = { region: 'eu', concurrency: 1, clock: systemClock, random: systemRandom };
    const first = await openLedger(at, options);
    await expect(openLedger(at, options)).rejects.toMatchObject({ code: 'ledger_unavailable', message: expect.stringMatching(/one process at a time; run "npx meridian dev"/) as string });
    await first.close();
  });
});

describe('a log on Kafka', () => {
  it('that no broker answers for is unavailable', async () => {
    const config = readConfig(z.object({ ...eventLogVariables, ...groupVariables }), { MERIDIAN_EVENT_LOG: 'kafka:127.0.0.1:1' });
    await expect(openEventLog(config, { ...who, clock: systemClock })).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
