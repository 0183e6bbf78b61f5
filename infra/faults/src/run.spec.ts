import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault, World } from './fault';
import { injectOne, type InjectParts } from './run';

const load = { directory: mkdtempSync(join(tmpdir(), 'meridian-run-')), pause: () => Promise.resolve() };
const world = { load, checker: { watch: () => undefined, rest: () => [] } } as unknown as World;
const problems: string[] = [];
const say = (): void => undefined;
const parts = { settling: { api: { regions: [] }, load, say }, problem: (text: string) => void problems.push(text), say, signal: new AbortController().signal } as unknown as InjectParts;

function fault(inject: () => Promise<void>): Fault {
  return { name: 'a', what: 'b', inject, heal: () => Promise.resolve() };
}

describe('a fault of a run', () => {
  beforeEach(() => problems.splice(0));

  it('is counted as injected when it was seen to happen', async () => {
    expect(await injectOne(world, fault(() => Promise.resolve()), parts)).toMatchObject({ isInjected: true });
    expect(problems).toEqual([]);
  });

  it('is a problem and not counted when it was not, and is compared after all the same', async () => {
    const { isInjected, seconds } = await injectOne(world, fault(() => Promise.reject(new RangeError('nothing was touched'))), parts);
    expect([isInjected, typeof seconds, problems]).toEqual([false, 'number', ['a, injected: nothing was touched']]);
  });
});
