import { kafkaConfig } from './link';
import type { KafkaConnectionOptions, KafkaSasl } from './options';
import { Sockets } from './sockets';

const CONNECTION: KafkaConnectionOptions = { brokers: ['b:9092'], clientId: 'test' };

function config(options: Partial<KafkaConnectionOptions>): ReturnType<typeof kafkaConfig> {
  return kafkaConfig({ ...CONNECTION, ...options }, new Sockets({}));
}

/** What kafkajs asks for at every connection. */
async function token(sasl: KafkaSasl): Promise<string> {
  const made = config({ ssl: true, sasl }).sasl;
  if (!made || !('oauthBearerProvider' in made)) throw new RangeError('not oauthbearer');
  return (await made.oauthBearerProvider()).value;
}

describe('the connection', () => {
  const before = { ...process.env };
  afterEach(() => void (process.env = { ...before }));

  it('has neither TLS nor credentials unless it is given them', () => {
    expect(config({})).not.toMatchObject({ ssl: expect.anything() as unknown });
    expect(config({})).not.toMatchObject({ sasl: expect.anything() as unknown });
    const sasl = { mechanism: 'scram-sha-512', username: 'u', password: 'p' } as const;
    expect(config({ ssl: { ca: 'CA' }, sasl })).toMatchObject({ ssl: { ca: 'CA' }, sasl });
  });

  it('asks for a bearer token when one is needed', async () => {
    expect(await token({ mechanism: 'oauthbearer', token: () => Promise.resolve('a token') })).toBe('a token');
  });

  it("signs a token for Amazon MSK's IAM with the credentials of the environment", async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' });
    const signed = new URL(Buffer.from(await token({ mechanism: 'msk-iam', region: 'eu-west-1' }), 'base64url').toString());
    expect(signed.host).toBe('kafka.eu-west-1.amazonaws.com');
    expect(signed.searchParams.get('Action')).toBe('kafka-cluster:Connect');
    expect(signed.searchParams.get('X-Amz-Credential')).toMatch(/^AKIDEXAMPLE\/\d{8}\/eu-west-1\/kafka-cluster\//);
  });
});
