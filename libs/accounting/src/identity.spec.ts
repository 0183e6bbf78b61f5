import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Hash } from './environment';
import { identify, identityToHex, readIdentity, type EventName, type Identity } from './identity';

const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};

interface Vector extends EventName {
  readonly why: string;
  readonly identity: string;
}
const golden = JSON.parse(readFileSync(join(__dirname, 'identity.golden.json'), 'utf8')) as { readonly vectors: readonly Vector[] };

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const name: fc.Arbitrary<EventName> = fc.record({ tenant: text, session: text, source: text, id: text });
const fieldsOf = (one: EventName): string => JSON.stringify([one.tenant, one.session, one.source, one.id]);

describe('identify', () => {
  test.each(golden.vectors)('agrees with an independent computation: $why', (vector) => {
    expect(identityToHex(identify(vector, hash))).toBe(vector.identity);
  });

  it('tells all golden names apart', () => {
    expect(new Set(golden.vectors.map((vector) => vector.identity)).size).toBe(golden.vectors.length);
  });

  it('is equal for equal names and for no others', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(identify(a, hash) === identify(b, hash)).toBe(fieldsOf(a) === fieldsOf(b));
      }),
    );
  });

  it('changes when a character moves over the boundary between two fields', () => {
    fc.assert(
      fc.property(name, fc.constantFrom('tenant', 'session', 'source'), (given, from) => {
        const to = ({ tenant: 'session', session: 'source', source: 'id' } as const)[from];
        const characters = Array.from(given[from]);
        const moved = { ...given, [from]: characters.slice(0, -1).join(''), [to]: `${characters.at(-1) ?? ''}${given[to]}` };
        expect(identify(moved, hash)).not.toBe(identify(given, hash));
      }),
    );
  });

  it('changes when two fields are swapped', () => {
    fc.assert(
      fc.property(name, (given) => {
        fc.pre(given.source !== given.id);
        expect(identify({ ...given, source: given.id, id: given.source }, hash)).not.toBe(identify(given, hash));
      }),
    );
  });

  it('gives the same id in two sessions two identities', () => {
    const event = { tenant: 'acme', source: 'chat', id: '1' };
    expect(identify({ ...event, session: 'a' }, hash)).not.toBe(identify({ ...event, session: 'b' }, hash));
  });
});

describe('readIdentity', () => {
  it('reads sixteen bytes at any place, as identify gives them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 40 }), fc.nat({ max: 24 }), (bytes, at) => {
        fc.pre(at + 16 <= bytes.length);
        const expected = Buffer.from(bytes.subarray(at, at + 16));
        expect(readIdentity(bytes, at)).toBe(expected.toString('latin1') as Identity);
        expect(identityToHex(readIdentity(bytes, at))).toBe(expected.toString('hex'));
      }),
    );
  });

  it('orders identities as their bytes are ordered', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array({ minLength: 16, maxLength: 16 }), (a, b) => {
        expect(readIdentity(a, 0) < readIdentity(b, 0)).toBe(Buffer.compare(a, b) < 0);
      }),
    );
  });
});
