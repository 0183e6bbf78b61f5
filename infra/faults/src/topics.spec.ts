import { alarmsIn } from './topics';

describe("alarms in an aggregator's log lines", () => {
  it('are told by their codes, each once, whatever stands between', () => {
    const line = (event: string, code: string): string => JSON.stringify({ level: 'error', event, code, log: 'eu-west-1.0.1', reason: 'why' });
    expect(alarmsIn([line('alarm', 'log_out_of_range'), line('retrying', 'log_unavailable'), 'no JSON', line('alarm', 'log_truncated'), line('alarm', 'log_truncated')].join('\n'))).toEqual(['log_out_of_range', 'log_truncated']);
    expect(alarmsIn('')).toEqual([]);
  });
});
