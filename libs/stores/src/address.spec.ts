import { parseEventLogAddress, parseLedgerAddress } from './address';

describe('the address of an event log', () => {
  it('names a directory or brokers', () => {
    expect(parseEventLogAddress('level:/data/a:b')).toEqual({ scheme: 'level', directory: '/data/a:b' });
    expect(parseEventLogAddress('kafka:b-1.example:9092,[::1]:9093')).toEqual({ scheme: 'kafka', brokers: ['b-1.example:9092', '[::1]:9093'] });
  });

  it.each([
    ['level:', 'names no directory'],
    ['kafka:', 'names the broker ""'],
    ['kafka:one', 'names the broker "one"'],
    ['kafka:one:9092,', 'names the broker ""'],
    ['kafka:one:70000', 'names the broker "one:70000"'],
    ['kafka:user@one:9092', 'names the broker "user@one:9092"'],
    ['redis:here', 'has the unknown scheme "redis": write level:DIRECTORY or kafka:'],
    ['dynamodb:table', 'has the unknown scheme "dynamodb"'],
    ['/data/log', 'has the unknown scheme "/data/log"'],
  ])('that is %j is told what is wrong with it', (text, reason) => {
    expect(parseEventLogAddress(text)).toContain(reason);
  });
});

describe('the address of a ledger', () => {
  it('names a directory, or a table and where it is', () => {
    expect(parseLedgerAddress('level:data')).toEqual({ scheme: 'level', directory: 'data' });
    expect(parseLedgerAddress('dynamodb:meridian-ledger')).toEqual({ scheme: 'dynamodb', table: 'meridian-ledger', region: undefined, endpoint: undefined });
    expect(parseLedgerAddress('dynamodb:t.1?region=eu-west-1&endpoint=http://127.0.0.1:8000')).toEqual({
      scheme: 'dynamodb', table: 't.1', region: 'eu-west-1', endpoint: 'http://127.0.0.1:8000',
    });
  });

  it.each([
    ['dynamodb:', 'names the table ""'],
    ['dynamodb:a/b', 'names the table "a/b"'],
    ['dynamodb:table?regoin=eu', 'has the unknown parameter "regoin"'],
    ['dynamodb:table?region=', 'names the AWS region ""'],
    ['dynamodb:table?endpoint=127.0.0.1:8000', 'names the endpoint "127.0.0.1:8000"'],
    ['dynamodb:table?endpoint=ftp://x', 'names the endpoint "ftp://x"'],
    ['kafka:one:9092', 'has the unknown scheme "kafka": write level:DIRECTORY or dynamodb:'],
  ])('that is %j is told what is wrong with it', (text, reason) => {
    expect(parseLedgerAddress(text)).toContain(reason);
  });
});
