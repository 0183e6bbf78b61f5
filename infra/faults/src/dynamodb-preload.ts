/**
 * Loaded into every process of the stack before its own code (`node --require`): each of its DynamoDB clients gets the
 * middleware of `dynamodb-trouble.ts`. Without an order, the file `ORDER` in MERIDIAN_FAULTS_DYNAMODB, requests just go through.
 * A service says in a file of that directory how many of its requests were touched.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DYNAMODB_VARIABLE, LOOK_EVERY_MS, ORDER, TOUCHED_SUFFIX } from './dynamodb-order';
import { addTrouble, type Order, type TroubleParts } from './dynamodb-trouble';

const directory = process.env[DYNAMODB_VARIABLE];
/** The replicator has none. */
const isService = process.env['MERIDIAN_REGION'] !== undefined;

if (directory !== undefined) {
  let order: Order | undefined;
  let [touched, told] = [0, 0];
  const look = (): void => {
    order = readOrder(directory);
    if (touched === told || !isService) return;
    writeFileSync(join(directory, `${process.pid}${TOUCHED_SUFFIX}`), String(touched));
    told = touched;
  };
  setInterval(look, LOOK_EVERY_MS).unref();

  const parts: TroubleParts = {
    order: () => order,
    random: Math.random,
    onTouched: () => {
      touched++;
    },
  };
  const known = new WeakSet<DynamoDBClient>();
  // Not by a subclass: whoever has imported the class makes clients of it.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { send } = DynamoDBClient.prototype;
  DynamoDBClient.prototype.send = function (this: DynamoDBClient, ...args: unknown[]): unknown {
    if (!known.has(this)) addTrouble(this, parts);
    known.add(this);
    return Reflect.apply(send, this, args);
  } as typeof send;
}

/** Undefined: none, also while one is being written. */
function readOrder(from: string): Order | undefined {
  try {
    return JSON.parse(readFileSync(join(from, ORDER), 'utf8')) as Order;
  } catch {
    return undefined;
  }
}
