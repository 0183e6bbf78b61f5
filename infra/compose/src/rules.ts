/**
 * A rule of the files, with ways of breaking it: the files as they are keep it, and it notices each way on a copy. So
 * no check here is one that cannot fail.
 */
import { readFiles, type Check, type Files, type Service } from './files';

export interface Rule {
  /** A sentence. */
  readonly title: string;
  readonly check: Check;
  readonly broken: readonly Breakage[];
}

/** How it is broken, and what is said then. */
export type Breakage = readonly [how: string, breakIt: (files: Files) => void, said: string];

const files = readFiles();

export function describeRules(what: string, rules: readonly Rule[]): void {
  describe(what, () => {
    it.each(rules)('$title', ({ check }) => {
      expect(check(files)).toEqual([]);
    });

    describe.each(rules)('is noticed when broken: $title', ({ check, broken }) => {
      it.each(broken)('%s', (_, breakIt, said) => {
        const copy = structuredClone(files);
        breakIt(copy);
        expect(check(copy)).toContainEqual(expect.stringContaining(said));
      });
    });
  });
}

/** The service, to be changed. */
export function serviceOf({ compose }: Files, name: string): Service {
  const service = compose.services[name];
  if (!service) throw new RangeError(`no service ${name}`);
  return service;
}
