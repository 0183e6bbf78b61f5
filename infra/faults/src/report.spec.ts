import { page } from './report';
import type { Report } from './run';

const counts = { lost: 0, double: 0, falselyFinal: 0 };
const meanwhile = { answers: 3_210, finals: 2_100, repeats: 400, unanswered: 7, slackMs: 0, excused: 0 };
const report: Report = {
  ...counts, minutes: 10.4, seed: 7, sent: 12_345, acknowledged: 12_340, answers: 5_000, finals: 4_000, problems: [], date: '2026-11-26T23:53:41.169Z', machine: '2 × a processor', commit: 'abc123abc123+',
  regions: 3, brokersPerRegion: 1, replicationFactor: 1, minIsr: 1, eventsPerSecond: 100, settings: { MERIDIAN_SAMPLE_INTERVAL_MS: { value: 1_000, default: 20_000 } }, notTested: ['power loss', 'another leader'],
  faults: { 'kill-broker': { ...counts, meanwhile, what: 'kill -9', injected: 2, sent: 9_000, secondsToExact: 12.5 }, takeover: { ...counts, meanwhile: { ...meanwhile, slackMs: 10_000, excused: 12 }, lost: 1, what: 'logs', injected: 1, sent: 3_000, secondsToExact: null } },
};

describe('docs/reliability.md', () => {
  it('has a row for each fault, the sums, the seed, the machine and the date', () => {
    const text = page(report);
    expect(text).toContain('| `kill-broker` | kill -9 | 2 | 9,000 | 0 | 0 | 0 | 3,210 / 2,100 / 400 / 7 | 12.5 s |');
    expect(text).toContain('**12,345 events sent, 12,340 acknowledged: 0 lost, 0 double, 0 falsely final.**');
    for (const said of ['seed 7', '2 × a processor', '2026-11-26', 'commit abc123abc123+']) expect(text).toContain(said);
  });

  it('says what was measured, and what was not', () => {
    const text = page(report);
    for (const said of ['replication factor 1, min ISR 1', '`MERIDIAN_SAMPLE_INTERVAL_MS=1000` (default 20000)', 'Of 2 faults 1 happened once', '- power loss', '- another leader']) expect(text).toContain(said);
  });

  it('says of a fault what was taken off T, and what would be falsely final without', () => {
    expect(page(report)).toContain('| 0 (judged with T − 10 s; with T as it is 12 more) |');
  });

  it('hides nothing that went wrong', () => {
    const text = page({ ...report, problems: ['takeover: not exact and final again'] });
    expect(text).toContain('| `takeover` | logs | 1 | 3,000 | 1 | 0 | 0 (judged with T − 10 s; with T as it is 12 more) | 3,210 / 2,100 / 400 / 7 | **never** |');
    expect(text).toContain('- takeover: not exact and final again');
  });
});
