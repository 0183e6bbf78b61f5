/**
 * Opens what the variables name. Nothing is created in Kafka or DynamoDB: a topic or a table that is missing is an error
 * that says which command creates it. A LevelDB directory is created when it is not there.
 */
import { readFile } from 'node:fs/promises';
import { MeridianError, type Clock, type Random } from '@meridian/accounting';
import { EventLogError, type EventLog } from '@meridian/event-log';
import { KafkaEventLog, type KafkaConnectionOptions, type KafkaSasl } from '@meridian/event-log-kafka';
import { LevelEventLog } from '@meridian/event-log-level';
import { ConfigError } from '@meridian/http';
import { LedgerError, type Ledger } from '@meridian/ledger';
import { DynamoLedger, type Write } from '@meridian/ledger-dynamodb';
import { LevelLedger } from '@meridian/ledger-level';
import type { z } from 'zod';
import type { LedgerAddress } from './address';
import { SINGLE_PROCESS, type appendVariables, type eventLogVariables, type groupVariables, type kafkaVariables } from './variables';

type Read<Variables extends z.ZodRawShape> = z.output<z.ZodObject<Variables>>;

export interface OpenLedgerOptions {
  /** AWS region of an address that names none. */
  readonly region: string;
  /** Connections and calls in flight at most, of DynamoDB. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of every write that DynamoDB answered. */
  readonly onWrite?: (write: Write) => void;
}

/** Rejects with `LedgerError`. DynamoDB is connected to with the first call. */
export async function openLedger(address: LedgerAddress, { region, concurrency, clock, random, onWrite }: OpenLedgerOptions): Promise<Ledger> {
  switch (address.scheme) {
    case 'level':
      return ofOneProcess(LevelLedger.open({ directory: address.directory, clock }));
    case 'dynamodb':
      return new DynamoLedger({
        table: address.table, region: address.region ?? region, concurrency, random,
        ...(address.endpoint !== undefined && { endpoint: address.endpoint }),
        ...(onWrite && { onWrite }),
      });
  }
}

export interface OpenEventLogOptions {
  /** How the brokers and their metrics name this process. */
  readonly clientId: string;
  /** AWS region whose credentials MSK's IAM is asked with. */
  readonly region: string;
  readonly clock: Clock;
}

/** What its service does with the log: `append`, `group`, or both. */
export type EventLogConfig = Read<typeof eventLogVariables> & Partial<Read<typeof appendVariables>> & Partial<Read<typeof groupVariables>>;

/** Rejects with `EventLogError`, or with `ConfigError` when variables do not go together. */
export async function openEventLog(config: EventLogConfig, options: OpenEventLogOptions): Promise<EventLog> {
  const { MERIDIAN_EVENT_LOG: address, MERIDIAN_EVENT_LOG_TOPIC: topic, MERIDIAN_EVENT_LOG_PARTITIONS: partitions } = config;
  switch (address.scheme) {
    case 'level':
      return ofOneProcess(LevelEventLog.open({ directory: address.directory, topic, partitions, clock: options.clock }));
    case 'kafka': {
      const { MERIDIAN_KAFKA_BATCH_BYTES_MAX: batchBytesMax, MERIDIAN_KAFKA_SENDS_IN_FLIGHT_MAX: sendsInFlightMax } = config;
      const { MERIDIAN_KAFKA_SESSION_TIMEOUT_MS: sessionTimeoutMs, MERIDIAN_KAFKA_GROUP: groupId = '' } = config;
      return KafkaEventLog.open({
        ...(await kafkaConnection(config, address.brokers, options)),
        topic, groupId, clock: options.clock,
        gzip: config.MERIDIAN_KAFKA_COMPRESSION === 'gzip',
        ...(batchBytesMax !== undefined && { batchBytesMax }),
        ...(sendsInFlightMax !== undefined && { sendsInFlightMax }),
        ...(sessionTimeoutMs !== undefined && { sessionTimeoutMs }),
      });
    }
  }
}

/** Rejects with `ConfigError` when variables do not go together or the file of authorities cannot be read. */
export async function kafkaConnection(
  config: Read<typeof kafkaVariables>, brokers: readonly string[], { clientId, region }: Omit<OpenEventLogOptions, 'clock'>,
): Promise<KafkaConnectionOptions> {
  const { MERIDIAN_KAFKA_TLS: isTls, MERIDIAN_KAFKA_TLS_CA_FILE: caFile } = config;
  const issues: string[] = [];
  const sasl = saslOf(config, region, issues);
  if (caFile !== undefined && !isTls) issues.push('MERIDIAN_KAFKA_TLS_CA_FILE: is set without TLS: set MERIDIAN_KAFKA_TLS=true, or leave it out');
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8').catch((error: unknown) => {
    issues.push(`MERIDIAN_KAFKA_TLS_CA_FILE: cannot be read: ${(error as Error).message}`);
    return undefined;
  });
  if (issues.length > 0) throw new ConfigError(issues);
  return { brokers, clientId, ...(isTls && { ssl: ca === undefined ? true : { ca } }), ...(sasl && { sasl }) };
}

function saslOf(config: Read<typeof kafkaVariables>, region: string, issues: string[]): KafkaSasl | undefined {
  const { MERIDIAN_KAFKA_SASL: mechanism, MERIDIAN_KAFKA_USERNAME: username, MERIDIAN_KAFKA_PASSWORD: password, MERIDIAN_KAFKA_TLS: isTls } = config;
  switch (mechanism) {
    case 'none':
      return undefined;
    case 'msk-iam':
      if (!isTls) issues.push('MERIDIAN_KAFKA_TLS: msk-iam works over TLS only: set it to true');
      return { mechanism, region };
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512':
      if (username !== undefined && password !== undefined) return { mechanism, username, password };
      if (username === undefined) issues.push(`MERIDIAN_KAFKA_USERNAME: not set: MERIDIAN_KAFKA_SASL=${mechanism} needs it`);
      if (password === undefined) issues.push(`MERIDIAN_KAFKA_PASSWORD: not set: MERIDIAN_KAFKA_SASL=${mechanism} needs it`);
      return undefined;
  }
}

/** A second process on a directory is told what to do instead. */
async function ofOneProcess<Store>(opening: Promise<Store>): Promise<Store> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof MeridianError)) throw error;
    const message = `${error.message}: an embedded store has one process at a time; ${SINGLE_PROCESS}`;
    if (error instanceof EventLogError && error.code === 'log_unavailable') throw new EventLogError(error.code, message, { cause: error });
    if (error instanceof LedgerError && error.code === 'ledger_unavailable') throw new LedgerError(error.code, message, { cause: error });
    throw error;
  }
}
