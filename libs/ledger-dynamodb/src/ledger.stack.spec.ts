/** The contract, and what the network and a busy DynamoDB do to it, against a real DynamoDB Local. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, type BatchGetItemCommandInput, type DynamoDBClient, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { GET_MANY_MAX, type LedgerError, type Row } from '@meridian/ledger';
import { ledgerContract, type LedgerSetup } from '@meridian/ledger/contract';
import { createClient } from './client';
import { DynamoLedger, type DynamoLedgerOptions } from './ledger';
import { local } from './local.fixture';
import { createTables } from './tables';
import type { Write } from './write-units';

const table = `ledger-${randomUUID()}`;
const random = { next: () => Math.random() };
const consistent = { consistent: true } as const;
const opened: DynamoLedger[] = [];

beforeAll(async () => {
  const client = createClient({ ...local(), concurrency: 1 });
  await createTables({ region: local().region, clientOf: () => client, tables: [{ name: table }], pointInTimeRecovery: false, deletionProtection: false });
  client.destroy();
}, 60_000);
afterEach(async () => {
  await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
});

function open(options: Partial<DynamoLedgerOptions> = {}): DynamoLedger {
  const ledger = new DynamoLedger({ ...local(), table, random, ...options });
  opened.push(ledger);
  return ledger;
}

ledgerContract('dynamodb', {
  open: async (): Promise<LedgerSetup> => {
    // DynamoDB Local writes to disk some hundred times a second, whatever asks; the contract sends it 1,500 writes at a time.
    const options = { deadlineMs: 60_000, attemptTimeoutMs: 30_000 };
    const ledger = open(options);
    const reopen = async (): Promise<DynamoLedger> => {
      await ledger.close();
      return open(options);
    };
    return { ledger, reopen, dispose: () => ledger.close() };
  },
  offers: { reopen: true },
  timeoutMs: 60_000,
});

/** A wrong turn of one attempt: `undefined` lets it through. */
type Fault = (attempt: { readonly command: string; readonly abortSignal: AbortSignal; readonly pass: () => Promise<unknown> }) => Promise<unknown> | undefined;

/** Attempts fail as `faults` say, in order; those after them do not. */
function failing(...faults: Fault[]): (client: DynamoDBClient) => void {
  return (client) =>
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const fault = faults.shift();
        const { abortSignal } = (args.request as { readonly abortSignal?: AbortSignal }) ?? {};
        const faulty = fault?.({ command: context.commandName ?? '', abortSignal: abortSignal ?? AbortSignal.timeout(500), pass: () => next(args) });
        return faulty === undefined ? next(args) : ((await faulty) as Awaited<ReturnType<typeof next>>);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'faults' },
    );
}

const answered = (name: string, httpStatusCode: number): Error => Object.assign(new Error('injected'), { name, $metadata: { httpStatusCode } });
const throttled: Fault = () => Promise.reject(answered('ProvisionedThroughputExceededException', 400));
const serverError: Fault = () => Promise.reject(answered('InternalServerError', 500));
const refusedConnection: Fault = () => Promise.reject(Object.assign(new Error('injected'), { code: 'ECONNREFUSED' }));
/** Nobody hears the answer. */
const appliedUnanswered: Fault = async ({ pass }) => {
  await pass();
  throw Object.assign(new Error('injected'), { name: 'TimeoutError' });
};
const appliedServerError: Fault = async ({ pass }) => {
  await pass();
  throw answered('InternalServerError', 500);
};
const forever = (fault: Fault, count = 1_000): Fault[] => Array.from({ length: count }, () => fault);

const row = (pk: string, value: string): Row => ({ pk, sk: 'a', value: Buffer.from(value) });
const newPk = (): string => `F#${randomUUID()}`;
const codeOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => (error as LedgerError).code);

async function valueOf(pk: string): Promise<string | undefined> {
  const stored = await open().get({ pk, sk: 'a' }, consistent);
  return stored && Buffer.from(stored.value).toString();
}

describe('DynamoLedger under faults', () => {
  it('writes through throttling', async () => {
    const pk = newPk();
    expect(await open({ configure: failing(throttled, throttled, refusedConnection) }).insert(row(pk, 'x'))).toBe('inserted');
    expect(await valueOf(pk)).toBe('x');
  });

  it('answers `inserted` when its own unanswered attempt is what is there', async () => {
    for (const fault of [appliedUnanswered, appliedServerError]) {
      const pk = newPk();
      expect(await open({ configure: failing(fault, throttled) }).insert(row(pk, 'mine'))).toBe('inserted');
      expect(await valueOf(pk)).toBe('mine');
    }
  });

  it('answers `exists` after an unanswered attempt when what is there is another\'s', async () => {
    const pk = newPk();
    await open().insert(row(pk, 'theirs'));
    expect(await open({ configure: failing(serverError) }).insert(row(pk, 'mine'))).toBe('exists');
    expect(await valueOf(pk)).toBe('theirs');
  });

  it('answers `exists` after an unanswered attempt when a replaced row has the same bytes', async () => {
    const pk = newPk();
    await open().replace({ ...row(pk, 'same'), version: 1 });
    expect(await open({ configure: failing(serverError) }).insert(row(pk, 'same'))).toBe('exists');
  });

  it('answers `exists` for equal bytes when every attempt was answered', async () => {
    const pk = newPk();
    await open().insert(row(pk, 'same'));
    expect(await open({ configure: failing(throttled) }).insert(row(pk, 'same'))).toBe('exists');
  });

  it('says ambiguous when no attempt was answered, applied or not', async () => {
    const [applied, not] = [newPk(), newPk()];
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(appliedUnanswered, ...forever(serverError)) }).insert(row(applied, 'x')))).toBe('ledger_ambiguous');
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(...forever(serverError)) }).replace({ ...row(not, 'x'), version: 1 }))).toBe('ledger_ambiguous');
    expect([await valueOf(applied), await valueOf(not)]).toEqual(['x', undefined]);
  });

  it('says ambiguous when an attempt was not answered and the last one was throttled or refused', async () => {
    const pk = newPk();
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(appliedUnanswered, ...forever(throttled)) }).insert(row(pk, 'x')))).toBe('ledger_ambiguous');
    const denied: Fault = () => Promise.reject(answered('AccessDeniedException', 400));
    expect(await codeOf(open({ configure: failing(serverError, denied) }).insert(row(pk, 'x')))).toBe('ledger_ambiguous');
  });

  it('says throttled or unavailable when nothing can have been applied', async () => {
    const pk = newPk();
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(...forever(throttled)) }).insert(row(pk, 'x')))).toBe('ledger_throttled');
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(...forever(refusedConnection)) }).insert(row(pk, 'x')))).toBe('ledger_unavailable');
    expect(await codeOf(open({ deadlineMs: 300, endpoint: 'http://127.0.0.1:1' }).insert(row(pk, 'x')))).toBe('ledger_unavailable');
    expect(await codeOf(open({ table: 'nowhere-at-all' }).insert(row(pk, 'x')))).toBe('ledger_unavailable');
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(...forever(serverError)) }).get({ pk, sk: 'a' }, consistent))).toBe('ledger_unavailable');
    expect(await valueOf(pk)).toBeUndefined();
  });

  it('says invalid for what DynamoDB cannot hold', async () => {
    expect(await codeOf(open().insert({ ...row(newPk(), ''), value: new Uint8Array(401 * 1024) }))).toBe('ledger_invalid');
  });

  it('takes a hanging attempt for unanswered, and tries again', async () => {
    const pk = newPk();
    const hanging: Fault = async ({ pass }) => {
      await pass();
      await sleep(400);
      throw Object.assign(new Error('injected'), { name: 'AbortError' });
    };
    expect(await open({ configure: failing(hanging) }).insert(row(pk, 'x'))).toBe('inserted');
  });

  it('replaces once and for all in spite of unanswered attempts', async () => {
    const pk = newPk();
    expect(await open({ configure: failing(appliedUnanswered) }).replace({ ...row(pk, 'two'), version: 2 })).toBe('replaced');
    expect(await open({ configure: failing(serverError) }).replace({ ...row(pk, 'one'), version: 1 })).toBe('stale');
    expect(await valueOf(pk)).toBe('two');
  });

  it('gets all keys when DynamoDB leaves some unprocessed, again and again', async () => {
    const pk = newPk();
    const keys = Array.from({ length: GET_MANY_MAX }, (_, i) => ({ pk, sk: `${i}` }));
    await Promise.all(keys.map((key) => open().insert({ ...key, value: Buffer.from(key.sk) })));
    const held: Fault = async ({ pass }) => {
      const result = (await pass()) as { output: { Responses: Record<string, object[]>; UnprocessedKeys: Record<string, unknown> } };
      const items = result.output.Responses[table] as { readonly pk: unknown; readonly sk: unknown }[];
      const kept = items.slice(0, 17);
      result.output.Responses[table] = kept;
      result.output.UnprocessedKeys = { [table]: { Keys: items.slice(17).map((item) => ({ pk: item.pk, sk: item.sk })) } };
      return result;
    };
    const rows = await open({ configure: failing(held, held, throttled, held) }).getMany(keys, consistent);
    expect(rows.map((one) => one && Buffer.from(one.value).toString())).toEqual(keys.map(({ sk }) => sk));
    expect(await codeOf(open({ deadlineMs: 300, configure: failing(...forever(async ({ pass }) => {
      const result = (await pass()) as { output: { Responses: unknown; UnprocessedKeys: unknown } };
      result.output.Responses = {};
      result.output.UnprocessedKeys = { [table]: { Keys: [{ pk: { S: pk }, sk: { S: '0' } }] } };
      return result;
    })) }).getMany([{ pk, sk: '0' }], consistent))).toBe('ledger_throttled');
  });

  it('keeps one row when many insert at a time and half of the answers are lost', async () => {
    const pk = newPk();
    const ledgers = Array.from({ length: 20 }, (_, i) => open({ configure: i % 2 === 0 ? failing(appliedUnanswered) : failing() }));
    const answers = await Promise.all(ledgers.map((ledger, i) => ledger.insert(row(pk, `${i}`))));
    expect(answers.filter((answer) => answer === 'inserted')).toHaveLength(1);
    expect(await valueOf(pk)).toBe(`${answers.indexOf('inserted')}`);
  });
});

describe('DynamoLedger', () => {
  it('counts write units by kind of row', async () => {
    const writes: Write[] = [];
    const ledger = open({ onWrite: (write) => writes.push(write) });
    const id = randomUUID();
    await ledger.insert({ ...row(`S#acme#${id}`, ''), value: new Uint8Array(2_500) });
    await ledger.insert(row(`S#acme#${id}`, 'again'));
    await ledger.replace({ ...row(`R#${id}`, 'x'), version: 1 });
    expect(writes).toEqual([
      { kind: 'S', units: 3, isRefused: false },
      { kind: 'S', units: 1, isRefused: true },
      { kind: 'R', units: 1, isRefused: false },
    ]);
  });

  it('asks for consistent reads exactly where the caller does, and for what every write costs', async () => {
    const asked: unknown[] = [];
    const listen = (client: DynamoDBClient): void =>
      client.middlewareStack.add((next) => (args) => {
        const { ConsistentRead, RequestItems, ReturnConsumedCapacity } = args.input as Partial<QueryCommandInput & BatchGetItemCommandInput>;
        asked.push(ReturnConsumedCapacity ?? ConsistentRead ?? RequestItems?.[table]?.ConsistentRead);
        return next(args);
      }, { step: 'initialize', name: 'asked' });
    const ledger = open({ configure: listen });
    const key = { pk: newPk(), sk: 'a' };
    for (const isConsistent of [true, false]) {
      await ledger.get(key, { consistent: isConsistent });
      await ledger.getMany([key], { consistent: isConsistent });
      await ledger.query(key.pk, {}, { consistent: isConsistent });
    }
    await ledger.insert(row(key.pk, 'x'));
    await ledger.replace({ ...row(key.pk, 'x'), version: 1 });
    expect(asked).toEqual([true, true, true, false, false, false, 'TOTAL', 'TOTAL']);
  });

  it('has no more calls in flight than it has connections', async () => {
    let [inFlight, most] = [0, 0];
    const counting = (client: DynamoDBClient): void =>
      client.middlewareStack.add(
        (next) => async (args) => {
          most = Math.max(most, ++inFlight);
          return next(args).finally(() => inFlight--);
        },
        { step: 'finalizeRequest', name: 'counting' },
      );
    const ledger = open({ concurrency: 3, configure: counting });
    const pk = newPk();
    await Promise.all(Array.from({ length: 50 }, (_, i) => ledger.insert({ pk, sk: `${i}`, value: Buffer.from('x') })));
    expect(most).toBe(3);
  });

  it('answers what was called before it is closed', async () => {
    const pk = newPk();
    const ledger = open();
    const inserting = ledger.insert(row(pk, 'x'));
    await ledger.close();
    expect(await inserting).toBe('inserted');
  });
});

describe('createTables', () => {
  it('does nothing the second time, and refuses a table with other keys', async () => {
    const client = createClient({ ...local(), concurrency: 1 });
    const name = `twice-${randomUUID()}`;
    const create = (): ReturnType<typeof createTables> =>
      createTables({ region: local().region, clientOf: () => client, tables: [{ name }], pointInTimeRecovery: false, deletionProtection: true, stream: true });
    expect(await create()).toEqual([{ table: name, done: ['created'] }]);
    expect(await create()).toEqual([{ table: name, done: [] }]);
    const others = { TableName: `others-${name}`, BillingMode: 'PAY_PER_REQUEST' } as const;
    await client.send(new CreateTableCommand({ ...others, KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }], AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }] }));
    const refused = createTables({ region: local().region, clientOf: () => client, tables: [{ name: others.TableName }], pointInTimeRecovery: false, deletionProtection: false });
    await expect(refused).rejects.toMatchObject({ code: 'ledger_invalid' });
    client.destroy();
  });
});
