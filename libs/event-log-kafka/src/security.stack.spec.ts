/** TLS and credentials against a real broker that asks for them: appended and consumed through each kind of listener. */
import { draft } from '@meridian/event-log/contract';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { java, TestBroker, type Listener } from './broker.fixture';
import { DEADLINE_MS, eventually, Reading, TestTopic } from './harness';
import type { KafkaConnectionOptions, KafkaSasl } from './options';

jest.setTimeout(4 * DEADLINE_MS);

const [USERNAME, PASSWORD, STORE_PASSWORD] = ['meridian', 'right-password', 'keystore'];
const run = promisify(execFile);

/** A broker's key, certified by itself, and its certificate in PEM. */
async function makeCertificate(keystore: string): Promise<string> {
  const store = ['-keystore', keystore, '-storepass', STORE_PASSWORD, '-alias', 'broker'];
  await run(java('keytool'), ['-genkeypair', ...store, '-storetype', 'PKCS12', '-keyalg', 'EC', '-dname', 'CN=broker', '-ext', 'SAN=IP:127.0.0.1', '-validity', '2']);
  return (await run(java('keytool'), ['-exportcert', '-rfc', ...store])).stdout;
}

function listeners(keystore: string): Readonly<Record<'TLS' | 'SASL' | 'SASLTLS', Listener>> {
  const tls = { 'ssl.keystore.type': 'PKCS12', 'ssl.keystore.location': keystore, 'ssl.keystore.password': STORE_PASSWORD };
  const security = 'org.apache.kafka.common.security';
  const scram = `${security}.scram.ScramLoginModule required;`;
  const sasl = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_${USERNAME}="${PASSWORD}";`,
    'scram-sha-256.sasl.jaas.config': scram,
    'scram-sha-512.sasl.jaas.config': scram,
    'oauthbearer.sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
  return {
    TLS: { protocol: 'SSL', settings: tls },
    SASL: { protocol: 'SASL_PLAINTEXT', settings: sasl },
    SASLTLS: { protocol: 'SASL_SSL', settings: { ...tls, ...sasl } },
  };
}

/** A token that is not signed, as Kafka takes it where no keys are configured. */
async function token(): Promise<string> {
  const part = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: 'none' })}.${part({ sub: USERNAME, iat: now, exp: now + 600 })}.`;
}

const MECHANISMS: readonly KafkaSasl[] = [
  { mechanism: 'plain', username: USERNAME, password: PASSWORD },
  { mechanism: 'scram-sha-256', username: USERNAME, password: PASSWORD },
  { mechanism: 'scram-sha-512', username: USERNAME, password: PASSWORD },
  // As Amazon MSK's IAM, whose tokens only MSK takes.
  { mechanism: 'oauthbearer', token },
];

describe('a broker that asks who we are', () => {
  let directory: string;
  let broker: TestBroker;
  let ca: string;
  let topic: TestTopic;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kafka-tls-'));
    const keystore = join(directory, 'broker.p12');
    ca = await makeCertificate(keystore);
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => `${mechanism}=[name=${USERNAME},password=${PASSWORD}]`);
    broker = await TestBroker.start({ listeners: listeners(keystore), scram });
  });
  afterAll(async () => {
    await (broker as TestBroker | undefined)?.dispose();
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => (topic = await TestTopic.create(1, broker)));
  afterEach(() => topic.dispose());

  async function expectToWork(connection: Pick<KafkaConnectionOptions, 'brokers' | 'ssl' | 'sasl'>): Promise<void> {
    const log = await topic.open(connection);
    const member = new Reading();
    await log.join(member);
    await log.append([draft(0, 'a')]);
    await eventually(() => expect([member.texts, member.failure]).toEqual([['a'], undefined]));
  }

  it('takes a connection over TLS with an authority of our own', () => expectToWork({ brokers: broker.at('TLS'), ssl: { ca } }));

  it.each(MECHANISMS)('takes credentials by $mechanism', (sasl) => expectToWork({ brokers: broker.at('SASL'), sasl }));

  it.each(MECHANISMS)('takes credentials by $mechanism over TLS', (sasl) => expectToWork({ brokers: broker.at('SASLTLS'), ssl: { ca }, sasl }));

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('refuses a wrong password by %s: a start fails at once, without the password', async (mechanism) => {
    const refused = topic.open({ brokers: broker.at('SASLTLS'), ssl: { ca }, sasl: { mechanism, username: USERNAME, password: 'wrong-password' } });
    await expect(refused).rejects.toMatchObject({ code: 'log_invalid', message: expect.not.stringContaining('wrong-password') as string });
  });

  it('is not believed without a certificate that we trust', async () => {
    await expect(topic.open({ brokers: broker.at('TLS'), ssl: true })).rejects.toMatchObject({ code: 'log_unavailable', message: expect.stringMatching(/self.signed certificate/) as string });
  });

  it('is not talked to in the clear', async () => {
    await expect(topic.open({ brokers: broker.at('SASLTLS'), connectionTimeoutMs: 500, requestTimeoutMs: 500 })).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
