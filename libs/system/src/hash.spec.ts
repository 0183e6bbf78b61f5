import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { nodeHash } from './hash';

describe('nodeHash', () => {
  it('is SHA-256 of the bytes, one character per byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(nodeHash.bytes(bytes)).toBe(createHash('sha256').update(bytes).digest('binary'));
      }),
    );
  });

  it('is SHA-256 of the UTF-8 of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(nodeHash.text(text)).toBe(createHash('sha256').update(text, 'utf8').digest('binary'));
        expect(nodeHash.text(text)).toHaveLength(32);
      }),
    );
  });

  it('takes a view into a larger buffer as what the view shows', () => {
    const view = new Uint8Array(Uint8Array.from([1, 2, 3, 4, 5]).buffer, 1, 3);
    expect(nodeHash.bytes(view)).toBe(nodeHash.bytes(Uint8Array.of(2, 3, 4)));
  });

  it('gives the published digest of "abc"', () => {
    expect(Buffer.from(nodeHash.text('abc'), 'latin1').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
