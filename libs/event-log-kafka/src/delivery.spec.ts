import type { LogRecord } from '@meridian/event-log';
import { epochAfter } from './delivery';

function records(...epochs: readonly number[]): LogRecord[] {
  return epochs.map((epoch, offset) => ({ partition: 0, offset, epoch, time: 0, value: new Uint8Array(0) }));
}

describe('a leader epoch that goes back (a truncated or replaced log)', () => {
  it('is refused, within a batch and between batches', () => {
    expect(() => epochAfter(records(1, 2, 1), 0)).toThrow(expect.objectContaining({ code: 'log_rewound', partition: 0, retryable: false }) as Error);
    expect(() => epochAfter(records(2), 3)).toThrow('went back from 3 to 2');
  });

  it('is no epoch that stays or goes up', () => {
    expect(epochAfter(records(3, 3, 5), 3)).toBe(5);
    expect(epochAfter([], 4)).toBe(4);
  });
});
