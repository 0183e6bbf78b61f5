import { refused, rowKind, written } from './write-units';

describe('write units', () => {
  it('are counted by what kind of row it is', () => {
    expect(['S#acme#s1', 'RC#eu-west-1', 'C#cuts', 'LOG', '#'].map(rowKind)).toEqual(['S', 'RC', 'C', 'LOG', '']);
  });

  it('are what DynamoDB says, or what the bytes make', () => {
    const row = { pk: 'S#t#s', sk: 'D#1', value: new Uint8Array(3_000) };
    expect(written(row, { CapacityUnits: 6 })).toEqual({ kind: 'S', units: 6, isRefused: false });
    expect(written(row, undefined)).toEqual({ kind: 'S', units: 3, isRefused: false });
    expect(refused(row)).toEqual({ kind: 'S', units: 3, isRefused: true });
  });
});
