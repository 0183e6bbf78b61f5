import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { conditionsOf, settings } from './conditions';

const example = readFileSync(join(__dirname, '../../../.env.example'), 'utf8');

describe('the conditions of a run', () => {
  it('have all that services run with otherwise, beside the defaults of .env.example', () => {
    expect(Object.keys(settings())).toEqual(expect.arrayContaining(['MERIDIAN_KAFKA_SESSION_TIMEOUT_MS', 'MERIDIAN_SAMPLE_INTERVAL_MS', 'MERIDIAN_SAMPLE_STALE_MS']));
    for (const [name, setting] of Object.entries(settings())) expect(example.split('\n')).toContain(`${name}=${setting.default}`);
  });

  it('have the commit, and count regions and brokers', async () => {
    const of = (part: 'kafka' | 'replicator', region: string) => ({ part, region, name: `${part}/${region}`, ports: {}, endpoint: '', isHealthy: true });
    const found = await conditionsOf({ processes: [of('kafka', 'a'), of('kafka', 'b'), of('replicator', '')] }, 100);
    expect(found).toMatchObject({ regions: 2, brokersPerRegion: 1, replicationFactor: 1, eventsPerSecond: 100 });
    expect(found.commit).toMatch(/^([0-9a-f]{12}\+?|unknown)$/);
  });
});
