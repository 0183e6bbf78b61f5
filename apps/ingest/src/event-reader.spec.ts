import fc from 'fast-check';
import { Judge, Shapes, encodeRecord } from '@meridian/accounting';
import type { Scope } from '@meridian/ledger';
import { nodeHash } from '@meridian/system';
import { readEvent } from './event-reader';
import { usage, voiding } from './harness';

const SENDER = { tenant: 'acme', scopes: new Set<Scope>(['ingest', 'void']) };
const sound = (): fc.Arbitrary<unknown> => fc.constantFrom(usage(), voiding({ source: 'a', id: 'b', reason: 'c' }));

/** The value with the member at a path of names replaced, or taken out. */
function changed(value: unknown, path: readonly string[], replacement: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined || typeof value !== 'object' || value === null) return replacement;
  return { ...value, [name]: changed((value as Readonly<Record<string, unknown>>)[name], rest, replacement) };
}

const names = fc.constantFrom('specversion', 'type', 'id', 'source', 'subject', 'time', 'data', 'tokens', 'input', 'provider', 'model', 'attributes', 'reason', 'x');
const values = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 300 }), fc.double(), fc.constant(undefined), fc.constantFrom(2 ** 53, -1, '', '2026-01-01T00:00:00Z'));

describe('readEvent', () => {
  it('gives an event or a reason with a place in the event, whatever comes', () => {
    fc.assert(fc.property(sound(), fc.array(names, { maxLength: 4 }), values, (event, path, value) => {
      const raw = JSON.parse(JSON.stringify(changed(event, path, value) ?? null)) as unknown;
      const read = readEvent(raw, SENDER);
      if ('rejection' in read) {
        expect(read.rejection.message).toMatch(/^\S.*\S$/s);
        expect(read.rejection.pointer).toMatch(/^(\/[^/]*)*$/s);
      }
    }), { numRuns: 2_000 });
  });

  it('accepts nothing that the judgement of the log would put into quarantine', () => {
    const judge = new Judge(nodeHash, new Shapes(nodeHash));
    fc.assert(fc.property(sound(), fc.array(names, { maxLength: 4 }), values, (event, path, value) => {
      const raw = JSON.parse(JSON.stringify(changed(event, path, value) ?? null)) as unknown;
      const read = readEvent(raw, SENDER);
      if ('rejection' in read) return;
      const record = { offset: 0, time: read.event.time, value: new TextEncoder().encode(encodeRecord(read.event)) };
      expect(judge.judge(record)).toMatchObject({ kind: 'accepted' });
    }), { numRuns: 2_000 });
  });
});
