/** What the commands that prepare Kafka and DynamoDB have in common: addresses as options, or as the services' variables. */
import { InvalidArgumentError, Option } from 'commander';
import { parseEventLogAddress, parseLedgerAddress, type DynamoAddress, type KafkaAddress } from '@meridian/stores';
import { CliError } from './errors';

export function eventLogOption(): Option {
  return new Option('--event-log <address>', 'kafka:HOST:PORT[,HOST:PORT…]; how to connect is read from MERIDIAN_KAFKA_…')
    .env('MERIDIAN_EVENT_LOG').argParser(parseKafka).makeOptionMandatory();
}

export function tableOption(name: 'ledger' | 'control' | 'derived', description: string): Option {
  return new Option(`--${name} <address>`, `${description}: dynamodb:TABLE[?region=AWS_REGION][&endpoint=URL]`)
    .env(`MERIDIAN_${name.toUpperCase()}`).argParser(parseDynamo);
}

/** The AWS region of an address: its own, or what the environment says. */
export function regionOf({ table, region }: DynamoAddress): string {
  const found = region ?? process.env['MERIDIAN_REGION'] ?? process.env['AWS_REGION'];
  if (found !== undefined && found !== '') return found;
  throw new CliError('usage', `the address of ${table} names no AWS region`, { fix: `Write dynamodb:${table}?region=eu-west-1, or set MERIDIAN_REGION.` });
}

function parseKafka(text: string): KafkaAddress {
  const address = parseEventLogAddress(text);
  if (typeof address === 'string') throw new InvalidArgumentError(`It ${address}.`);
  if (address.scheme !== 'kafka') throw new InvalidArgumentError('Topics are of Kafka: an embedded log needs none.');
  return address;
}

function parseDynamo(text: string): DynamoAddress {
  const address = parseLedgerAddress(text);
  if (typeof address === 'string') throw new InvalidArgumentError(`It ${address}.`);
  if (address.scheme !== 'dynamodb') throw new InvalidArgumentError('Tables are of DynamoDB: an embedded ledger needs none.');
  return address;
}
