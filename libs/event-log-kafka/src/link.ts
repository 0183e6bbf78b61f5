/**
 * A connection of its own to the cluster. Connects when it is first used; at the first failure its owner closes it and
 * makes another, so that nothing of what kafkajs remembers of a broker outlives an error.
 */
import { invariant } from '@meridian/accounting';
import { EventLogError, type Extent, type Incarnation } from '@meridian/event-log';
import { Kafka, logLevel, type KafkaConfig, type Logger } from 'kafkajs';
import Cluster from 'kafkajs/src/cluster';
import { guardError } from './errors';
import { mskIamToken } from './msk-iam';
import { CONNECTION_TIMEOUT_MS, REQUEST_TIMEOUT_MS, type KafkaConnectionOptions, type KafkaSasl } from './options';
import { Sockets } from './sockets';

/** Offsets are dense only when the records of unfinished transactions, of which we write none, count too. */
export const READ_UNCOMMITTED = 0;
/** Failures are met by a new link, with new metadata; this is for what changes without one. */
const METADATA_AGE_MAX_MS = 300_000;
const TOPIC_RESOURCE = 2;

/** Within one connection; whoever can wait longer tries again with another. At least once for each broker. */
export function retries(brokers: readonly string[]): { retries: number; initialRetryTime: number; maxRetryTime: number } {
  return { retries: Math.max(2, brokers.length), initialRetryTime: 50, maxRetryTime: 500 };
}

export function kafkaConfig(options: KafkaConnectionOptions, sockets: Sockets): KafkaConfig {
  const { brokers, clientId, ssl, sasl, connectionTimeoutMs = CONNECTION_TIMEOUT_MS, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  return {
    brokers: [...brokers],
    clientId,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl: kafkaSasl(sasl) }),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: retries(brokers),
    socketFactory: sockets.factory,
    // What goes wrong comes back as a rejection, with its cause: kafkajs has nothing to add to our log lines.
    logLevel: logLevel.NOTHING,
  };
}

function kafkaSasl(sasl: KafkaSasl): NonNullable<KafkaConfig['sasl']> {
  switch (sasl.mechanism) {
    case 'oauthbearer':
      return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await sasl.token() }) };
    case 'msk-iam':
      return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await mskIamToken(sasl.region) }) };
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512':
      return sasl as NonNullable<KafkaConfig['sasl']>;
  }
}

export interface LinkOptions extends KafkaConnectionOptions {
  /** Id of the cluster that was opened: another one is refused before anything is asked of it. */
  readonly clusterId?: string;
}

export class Link {
  readonly cluster: Cluster;
  readonly logger: Logger;
  private readonly sockets: Sockets;
  private ready: Promise<void> | undefined;

  constructor(private readonly options: LinkOptions, private readonly topic: string) {
    this.sockets = new Sockets(options);
    const { connectionTimeout, requestTimeout, enforceRequestTimeout, ssl, sasl, ...config } = kafkaConfig(options, this.sockets);
    this.logger = new Kafka({ ...config, brokers: [] }).logger();
    this.cluster = new Cluster({
      logger: this.logger,
      socketFactory: this.sockets.factory,
      brokers: options.brokers,
      clientId: options.clientId,
      connectionTimeout: connectionTimeout as number,
      requestTimeout: requestTimeout as number,
      enforceRequestTimeout: enforceRequestTimeout as boolean,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      retry: retries(options.brokers),
      metadataMaxAge: METADATA_AGE_MAX_MS,
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      isolationLevel: READ_UNCOMMITTED,
    });
  }

  /**
   * Connected, with the topic's metadata. A topic that does not exist rejects with `UNKNOWN_TOPIC_OR_PARTITION`, another
   * cluster with `log_replaced`.
   */
  connected(): Promise<void> {
    this.ready ??= this.connect();
    return this.ready;
  }

  private async connect(): Promise<void> {
    await this.cluster.connect();
    await this.cluster.addTargetTopic(this.topic);
    this.assertSameCluster();
  }

  private assertSameCluster(): void {
    const [opened, found] = [this.options.clusterId, this.cluster.brokerPool.metadata?.clusterId];
    if (opened === undefined || found === opened) return;
    throw guardError('log_replaced', `the brokers are of cluster ${found} now, not of ${opened}: offsets mean something else there`);
  }

  async leader(partition: number): Promise<Cluster.Broker> {
    await this.connected();
    const [nodeId] = Object.keys(this.cluster.findLeaderForPartitions(this.topic, [partition]));
    if (nodeId === undefined) throw new EventLogError('log_unavailable', `partition ${partition} has no leader`);
    return this.cluster.findBroker({ nodeId });
  }

  /** As the cluster says now. */
  async describe(): Promise<Incarnation> {
    await this.connected();
    await this.cluster.refreshMetadata();
    this.assertSameCluster();
    const metadata = this.cluster.brokerPool.metadata;
    const described = metadata?.topicMetadata.find(({ topic }) => topic === this.topic);
    invariant(metadata && described, 'metadata that was asked for has the topic');
    return { cluster: metadata.clusterId, topic: this.topic, partitions: described.partitionMetadata.length };
  }

  async extents(partitions: number): Promise<Extent[]> {
    await this.connected();
    const topic = { topic: this.topic, partitions: Array.from({ length: partitions }, (_, partition) => ({ partition })) };
    const [starts, ends] = await Promise.all([true, false].map(async (fromBeginning) => {
      const [answer] = await this.cluster.fetchTopicsOffset([{ ...topic, fromBeginning }]);
      return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    }));
    return topic.partitions.map(({ partition }) => {
      const [start, end] = [starts?.get(partition), ends?.get(partition)];
      if (start === undefined || end === undefined) throw new EventLogError('log_unavailable', `partition ${partition} has no leader`);
      return { start, end };
    });
  }

  async topicConfig(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.connected();
    const broker = await this.cluster.brokerPool.findConnectedBroker();
    const { resources } = await broker.describeConfigs({ resources: [{ type: TOPIC_RESOURCE, name: this.topic, configNames: names }] });
    return new Map(resources.flatMap(({ configEntries }) => configEntries.map(({ configName, configValue }) => [configName, configValue ?? ''])));
  }

  /** The next request connects again. */
  cut(): Promise<void> {
    return this.sockets.cut();
  }

  /** At once: whoever waits for an answer is refused. */
  close(): void {
    this.sockets.close();
  }
}
