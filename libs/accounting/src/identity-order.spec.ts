import fc from 'fast-check';
import { IdentityOrder } from './identity-order';

const word = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1));
const words = fc.array(word, { maxLength: 60 });

function runsOf(given: readonly number[], lengthMin: number): number[][] {
  // Room for more than is added: identities outside the cover are left out.
  const order = new IdentityOrder(given.length + 3);
  given.forEach((word, number) => order.add(word, number));
  const runs: number[][] = [];
  order.eachRun(lengthMin, (numbers) => runs.push([...numbers]));
  return runs;
}

describe('IdentityOrder', () => {
  it('brings together what begins alike, ascending by word and within a run by number', () => {
    fc.assert(
      fc.property(words, (given) => {
        const distinct = [...new Set(given)].sort((a, b) => a - b);
        expect(runsOf(given, 1)).toEqual(distinct.map((word) => given.flatMap((other, number) => (other === word ? [number] : []))));
      }),
    );
  });

  it('leaves out what is alone, and nothing else, when runs of two are asked for', () => {
    fc.assert(
      fc.property(words, (given) => {
        expect(runsOf(given, 2)).toEqual(runsOf(given, 1).filter((run) => run.length >= 2));
      }),
    );
  });
});
