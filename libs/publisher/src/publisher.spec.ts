import { mkdtemp, open as openFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PublisherError } from './errors';
import { accepting, eventOf, FakeIngest, type Answering } from './ingest.fixture';
import { Publisher, type PublisherOptions } from './publisher';
import { REJECTED } from './spool';

let spool: string;
let near: FakeIngest;
let far: FakeIngest;
let troubles: string[];
const opened: Publisher[] = [];

beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'spool-'));
  [near, far] = [await FakeIngest.start(), await FakeIngest.start()];
  troubles = [];
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await Promise.all([near.stop(), far.stop()]);
  await rm(spool, { recursive: true });
});

async function open(options: Partial<PublisherOptions> = {}): Promise<Publisher> {
  const publisher = await Publisher.open({ endpoints: [near.url, far.url], key: 'mk_test', spool, timeoutMs: 300, onTrouble: ({ code }) => troubles.push(code), ...options });
  opened.push(publisher);
  return publisher;
}

const ids = (count: number, prefix = 'e'): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
const publishAll = (publisher: Publisher, names: readonly string[]): Promise<unknown> => Promise.all(names.map((id) => publisher.publish(eventOf(id))));
const failing = (status: number, code: string): Answering => () => ({ status, body: { code, detail: 'because' } });
const segments = async (): Promise<string[]> => (await readdir(spool)).filter((name) => name.endsWith('.spool'));
const failureOf = (call: Promise<unknown>): Promise<PublisherError> => call.then(() => fail('it was taken'), (error: unknown) => error as PublisherError);

function fail(message: string): never {
  throw new TypeError(message);
}

describe('a publisher', () => {
  it('sends what was published to the nearest ingest, in order, many at a time', async () => {
    const publisher = await open({ tenant: 'acme' });
    await publishAll(publisher, ids(2_500));
    await publisher.drained();
    expect(near.accepted).toEqual(ids(2_500));
    expect(near.asked.length).toBeLessThan(20);
    expect(Math.max(...near.asked.map(({ events }) => events.length))).toBeLessThanOrEqual(1_000);
    expect(near.asked[0]?.headers).toMatchObject({ authorization: 'Bearer mk_test', 'meridian-tenant': 'acme', 'content-type': 'application/cloudevents-batch+json' });
    expect(far.asked).toEqual([]);
  });

  it.each<[string, Answering]>([['503', failing(503, 'overloaded')], ['429', failing(429, 'tenant_busy')], ['no answer', () => undefined], ['a refused key', failing(401, 'unauthenticated')]])('goes to the next one after %s', async (_, answering) => {
    near.answering = answering;
    const publisher = await open();
    await publishAll(publisher, ids(3));
    await publisher.drained();
    expect(far.accepted).toEqual(ids(3));
    expect(troubles).not.toEqual([]);
  });

  it('goes round as long as none takes it, and says why', async () => {
    near.answering = failing(403, 'scope_missing');
    const publisher = await open();
    await far.stop();
    await publisher.publish(eventOf('a'));
    while (near.asked.length < 3) await sleep(5);
    near.answering = accepting;
    await publisher.drained();
    expect(near.accepted).toEqual(['a']);
    expect(new Set(troubles)).toEqual(new Set(['ingest_refused', 'ingest_unreachable']));
    far = await FakeIngest.start();
  });

  it('has events in its spool before it says so, and sends what nobody has acknowledged after a restart, and only that', async () => {
    const first = await open();
    await publishAll(first, ids(3, 'done'));
    await first.drained();
    near.answering = far.answering = () => undefined;
    await publishAll(first, ids(3, 'left'));
    await first.close();
    near.answering = accepting;
    near.accepted.length = 0;
    const second = await open();
    await second.drained();
    expect(near.accepted).toEqual(ids(3, 'left'));
    await second.close();
    await (await open()).drained();
    expect(near.accepted).toEqual(ids(3, 'left'));
    expect(await segments()).toEqual([]);
  });

  it('leaves nothing on disk of what is acknowledged but the segment that it writes to', async () => {
    const publisher = await open({ spoolBytesMax: 100_000 });
    for (let round = 0; round < 20; round++) {
      await publishAll(publisher, ids(100, `${round}-`));
      await publisher.drained();
    }
    expect(near.accepted).toHaveLength(2_000);
    expect(publisher.spoolBytes).toBeLessThan(30_000);
    expect((await segments()).length).toBeLessThanOrEqual(1);
  });
});

describe("a service's function that throws", () => {
  const broken: [string, () => unknown][] = [
    ['at once', () => fail('the logger broke')],
    ['later', () => sleep(1).then(() => fail('the logger broke'))],
  ];
  let warned: jest.SpiedFunction<typeof process.emitWarning>;
  beforeEach(() => (warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)));
  afterEach(() => warned.mockRestore());
  const warningsOf = (name: string): unknown[] => warned.mock.calls.filter(([text]) => text === `${name} of a publisher threw`);

  it.each(broken)('%s when an ingest refuses does not end the sending', async (_, onTrouble) => {
    near.answering = far.answering = failing(503, 'overloaded');
    const publisher = await open({ onTrouble });
    await publisher.publish(eventOf('a'));
    while (warningsOf('onTrouble').length < 3) await sleep(5);
    near.answering = far.answering = accepting;
    await publisher.drained();
    expect([...near.accepted, ...far.accepted]).toEqual(['a']);
    expect(warned).toHaveBeenCalledWith(expect.anything(), { type: 'MeridianWarning', detail: expect.stringContaining('the logger broke') as string });
  });

  it.each(broken)('%s when the disk fails does not end the sending', async (_, onTrouble) => {
    const file = await openFile(join(spool, 'any'), 'w');
    await file.close();
    const publisher = await open({ onTrouble });
    const reading = jest.spyOn(Object.getPrototypeOf(file) as typeof file, 'read').mockRejectedValueOnce(new TypeError('no disk'));
    await publisher.publish(eventOf('a'));
    await publisher.drained();
    reading.mockRestore();
    expect(near.accepted).toEqual(['a']);
    while (warningsOf('onTrouble').length < 1) await sleep(1);
  });

  it.each(broken)('%s when it is told of a rejection is not told again, for the event is kept beside', async (_, onRejected) => {
    near.answering = ({ events }) => ({ status: 202, body: { results: events.map(({ id }) => ({ status: id === 'e0' ? 'rejected' : 'accepted' })) } });
    const publisher = await open({ onRejected });
    await publishAll(publisher, ids(3));
    await publisher.drained();
    expect(near.accepted).toEqual(['e1', 'e2']);
    expect((await readFile(join(spool, REJECTED), 'utf8')).trim().split('\n')).toHaveLength(1);
    while (warningsOf('onRejected').length < 1) await sleep(1);
    expect(warningsOf('onRejected')).toHaveLength(1);
  });
});

describe('an event that no ingest accepts', () => {
  const refusing = (bad: string): Answering => (asked) => {
    const results = asked.events.map(({ id }, index) => (id === bad ? { index, id, status: 'rejected', code: 'field_invalid', message: 'data.model: is empty', pointer: `/${index}/data/model` } : { index, id, status: 'accepted' }));
    return { status: results.some(({ status }) => status === 'accepted') ? 202 : 422, body: { results } };
  };

  it.each([1, 3])('is handed over and written beside, the others are accepted: one of %i', async (count) => {
    near.answering = refusing('e0');
    const handed: unknown[] = [];
    const publisher = await open({ onRejected: (event, rejection) => handed.push([event.id, rejection]) });
    await publishAll(publisher, ids(count));
    await publisher.drained();
    const rejection = { code: 'field_invalid', message: 'data.model: is empty', pointer: '/data/model' };
    expect(handed).toEqual([['e0', rejection]]);
    expect(near.accepted).toEqual(ids(count).slice(1));
    expect(JSON.parse(await readFile(join(spool, REJECTED), 'utf8'))).toEqual({ at: expect.any(String) as string, ...rejection, event: eventOf('e0') });
  });

  it.each([[400, 'nesting_too_deep'], [413, 'body_too_large']])('is found when the whole request is refused for it: %i', async (status, code) => {
    near.answering = (asked) => (asked.events.some(({ id }) => id === 'e5') ? { status, body: { code, detail: 'because' } } : accepting(asked));
    const handed: unknown[] = [];
    const publisher = await open({ onRejected: (event, rejection) => handed.push([event.id, rejection.code]) });
    await publishAll(publisher, ids(9));
    await publisher.drained();
    expect(handed).toEqual([['e5', code]]);
    expect(near.accepted.toSorted()).toEqual(ids(9).filter((id) => id !== 'e5'));
  });

  it('is refused at once when it is no event at all', async () => {
    const publisher = await open();
    for (const event of [[], 'text', undefined, eventOf('large', { text: 'x'.repeat(1_100_000) })]) {
      expect(await failureOf(publisher.publish(event as never))).toMatchObject({ code: 'event_invalid', field: 'event', fix: expect.stringContaining('CloudEvent') as string });
    }
    expect(publisher.spoolBytes).toBe(0);
  });
});

describe('a spool', () => {
  it('refuses what goes beyond its size, has taken nothing of it, and has room again when an ingest answers', async () => {
    near.answering = far.answering = failing(503, 'overloaded');
    const publisher = await open({ spoolBytesMax: 8_192 });
    const refused: PublisherError[] = [];
    const taken: string[] = [];
    // First many at once, of which some are refused, then one after the other until there is no room at all.
    const publish = (id: string): Promise<void> => publisher.publish(eventOf(id)).then(() => void taken.push(id), (error: unknown) => void refused.push(error as PublisherError));
    await Promise.all(ids(100).map(publish));
    for (const id of ids(100, 'f')) await publish(id);
    expect(taken.length).toBeGreaterThan(20);
    expect(publisher.spoolBytes).toBeGreaterThan(7_500);
    expect(publisher.spoolBytes).toBeLessThanOrEqual(8_192);
    expect(refused).toHaveLength(200 - taken.length);
    for (const error of refused) expect(error).toMatchObject({ code: 'spool_full', field: 'spoolBytesMax', retryable: true });
    near.answering = accepting;
    await publisher.drained();
    expect(near.accepted).toEqual(taken);
    await publisher.publish(eventOf('again'));
    await publisher.drained();
    expect(near.accepted.at(-1)).toBe('again');
  });

  it('has taken nothing of what was written whole and could not be made durable', async () => {
    near.answering = far.answering = failing(503, 'overloaded');
    const publisher = await open();
    await publisher.publish(eventOf('durable'));
    const file = await openFile(join(spool, (await segments())[0] ?? ''), 'r');
    // As on file systems that look for room when they have to.
    const syncing = jest.spyOn(Object.getPrototypeOf(file) as typeof file, 'datasync').mockRejectedValueOnce(Object.assign(new TypeError('no room'), { code: 'ENOSPC' }));
    expect(await failureOf(publisher.publish(eventOf('refused')))).toMatchObject({ code: 'spool_full' });
    syncing.mockRestore();
    await file.close();
    await publisher.close();
    near.answering = accepting;
    await (await open()).drained();
    expect(near.accepted).toEqual(['durable']);
  });

  it('belongs to one publisher at a time', async () => {
    const publisher = await open();
    expect(await failureOf(open())).toMatchObject({ code: 'spool_in_use', field: 'spool' });
    await publisher.close();
    expect(await failureOf(publisher.publish(eventOf('a')))).toMatchObject({ code: 'publisher_closed' });
    await open();
  });

  it('that is damaged is not opened, and no byte of it is changed', async () => {
    near.answering = far.answering = failing(503, 'overloaded');
    const publisher = await open();
    for (const id of ids(3)) await publisher.publish(eventOf(id));
    await publisher.close();
    const [name = ''] = await segments();
    const bytes = await readFile(join(spool, name));
    bytes[100] = bytes[100]! ^ 1;
    await writeFile(join(spool, name), bytes);
    expect(await failureOf(open())).toMatchObject({ code: 'spool_damaged', message: expect.stringContaining(name) as string });
    expect(await readFile(join(spool, name))).toEqual(bytes);
  });

  it.each([[{ endpoints: [] }, 'endpoints'], [{ endpoints: ['ftp://x'] }, 'endpoints'], [{ endpoints: ['x'] }, 'endpoints'], [{ spoolBytesMax: 10 }, 'spoolBytesMax']])('is not opened with %j', async (options, field) => {
    expect(await failureOf(open(options))).toMatchObject({ code: 'publisher_invalid', field });
  });
});
