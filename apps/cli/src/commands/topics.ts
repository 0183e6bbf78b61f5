/** `meridian topics create`: the topic of a region's log, as the log needs it. Services never create one. */
import { Command, Option } from 'commander';
import { createTopic, KafkaEventLog } from '@meridian/event-log-kafka';
import { readConfig } from '@meridian/http';
import { kafkaConnection, kafkaVariables, type KafkaAddress } from '@meridian/stores';
import { systemClock } from '@meridian/system';
import { z } from 'zod';
import { CliError } from '../errors';
import { jsonOption, parseInteger } from '../options';
import { print, printJson } from '../output';
import { eventLogOption } from '../stores';

interface Options {
  readonly eventLog: KafkaAddress;
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minIsr: number;
  readonly retentionH: number;
  readonly json?: boolean;
}

const CLIENT_ID = 'meridian-cli';
const HOUR_MS = 3_600_000;
const PARTITIONS_DEFAULT = 6;
const PARTITIONS_MAX = 1_024;
const REPLICATION_MAX = 32;
/** A week: how long the ledger may be out of reach before anything that was accepted could be lost. */
const RETENTION_DEFAULT_H = 168;
const RETENTION_MAX_H = 24 * 365 * 10;

export function topicsCommand(): Command {
  const create = new Command('create')
    .description("create the topic of a region's log; one that is there is checked and left as it is")
    .addOption(eventLogOption())
    .addOption(new Option('--topic <name>', 'its name').env('MERIDIAN_EVENT_LOG_TOPIC').default('events'))
    .addOption(new Option('--partitions <n>', 'logs of the region').argParser(parseInteger(1, PARTITIONS_MAX)).default(PARTITIONS_DEFAULT))
    .addOption(new Option('--replication-factor <n>', 'brokers that keep each record').argParser(parseInteger(1, REPLICATION_MAX)).default(3))
    .addOption(new Option('--min-isr <n>', 'of them, how many must have a record before it is acknowledged').argParser(parseInteger(1, REPLICATION_MAX)).default(2))
    .addOption(new Option('--retention-h <n>', 'hours that records are kept').argParser(parseInteger(1, RETENTION_MAX_H)).default(RETENTION_DEFAULT_H))
    .addOption(jsonOption())
    .action(runCreate);
  return new Command('topics').description('topics of Kafka').addCommand(create);
}

async function runCreate(options: Options): Promise<void> {
  const { eventLog, topic, partitions, replicationFactor, minIsr, retentionH, json } = options;
  if (minIsr > replicationFactor) {
    throw new CliError('usage', `--min-isr ${minIsr} is above --replication-factor ${replicationFactor}: nothing would ever be acknowledged`);
  }
  const region = process.env['MERIDIAN_REGION'] ?? process.env['AWS_REGION'] ?? '';
  const connection = await kafkaConnection(readConfig(z.object(kafkaVariables), process.env), eventLog.brokers, { clientId: CLIENT_ID, region });
  const isCreated = await createTopic(connection, {
    topic, partitions, replicationFactor, minInsyncReplicas: minIsr, retentionMs: retentionH * HOUR_MS,
  });
  // Opening it checks that it is as the log needs it.
  const log = await KafkaEventLog.open({ ...connection, topic, groupId: CLIENT_ID, clock: systemClock });
  try {
    const found = await log.describe();
    if (found.partitions !== partitions) {
      throw new CliError('data_invalid', `topic ${topic} is there with ${found.partitions} partitions, not ${partitions}`, {
        fix: 'Add partitions with Kafka\'s own tools and restart the services, or give --partitions as it is.',
      });
    }
    if (json) printJson({ topic, cluster: found.cluster, partitions, created: isCreated });
    else print(`topic ${topic} with ${partitions} partitions ${isCreated ? 'is created' : 'is there'} (cluster ${found.cluster})`);
  } finally {
    await log.close();
  }
}
