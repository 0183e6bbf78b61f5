import fc from 'fast-check';
import { formatTime, parseTime } from './rfc3339';

describe('parseTime', () => {
  it('reads what toISOString writes, for any time', () => {
    fc.assert(fc.property(fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
      expect(parseTime(date.toISOString())).toBe(date.getTime());
      expect(formatTime(date.getTime())).toBe(date.toISOString());
    }));
  });

  it('takes the offset off', () => {
    expect(parseTime('2026-03-01T01:30:00+05:30')).toBe(Date.parse('2026-02-28T20:00:00Z'));
    expect(parseTime('2026-02-28T20:00:00-08:00')).toBe(Date.parse('2026-03-01T04:00:00Z'));
  });

  it('takes lower case letters, and cuts digits beyond the millisecond off', () => {
    expect(parseTime('2026-01-01t00:00:00.1239z')).toBe(Date.parse('2026-01-01T00:00:00.123Z'));
    expect(parseTime('2026-01-01T00:00:00.5Z')).toBe(Date.parse('2026-01-01T00:00:00.500Z'));
  });

  it.each([
    '', '2026', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '2026-02-30T00:00:00Z', '2025-02-29T00:00:00Z', '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T23:59:60Z', '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00.1234567890Z', '2026-01-01T00:00:00+24:00', '2026-01-01T00:00:00+0000', '2026-01-01T00:00:00Z ', ' 2026-01-01T00:00:00Z',
    '+002026-01-01T00:00:00Z', '2026-01-01T00:00:00ZZ', '2026-1-01T00:00:00Z', 'Thu, 01 Jan 2026 00:00:00 GMT', '1767225600000', '२०२६-01-01T00:00:00Z',
  ])('refuses %p', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});
