/**
 * The parts of kafkajs 2.2.4 that it has but does not declare. They are used where its public consumer cannot keep the
 * port's promises (it starts over silently when an offset is out of range, waits for all partitions before it fetches
 * any, and hides the leader epoch) nor its producer (it tells one error for a whole send). The version is pinned exactly and takes no more releases, so these do not move.
 */
declare module 'kafkajs/src/cluster' {
  import type { ISocketFactory, KafkaConfig, Logger } from 'kafkajs';
  import type { Definition } from 'kafkajs/src/protocol/requests';

  namespace Cluster {
    interface Options extends Pick<KafkaConfig, 'ssl' | 'sasl'> {
      readonly logger: Logger;
      readonly socketFactory: ISocketFactory;
      readonly brokers: readonly string[];
      readonly clientId: string;
      readonly connectionTimeout: number;
      readonly requestTimeout: number;
      readonly enforceRequestTimeout: boolean;
      readonly metadataMaxAge: number;
      readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
      readonly allowAutoTopicCreation: boolean;
      readonly maxInFlightRequests: null;
      /** 0: read uncommitted. */
      readonly isolationLevel: number;
    }

    interface FetchRequest {
      readonly replicaId: number;
      readonly isolationLevel: number;
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[];
      }[];
    }

    /** What kafkajs takes for an encoder that is done: the bytes, twice. */
    interface Encoded {
      readonly buf: Buffer;
      readonly buffer: Buffer;
    }

    interface Request {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      expectResponse(): boolean;
      encode(): Promise<Encoded>;
    }

    /** A request and how its answer is read. */
    interface Exchange {
      readonly request: Request;
      readonly response: { decode(answer: unknown): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
    }

    interface ProduceRequest {
      /** -1: all replicas in sync. */
      readonly acks: number;
      readonly timeout: number;
      readonly compression?: number;
      readonly topicData: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly firstSequence: number; readonly messages: readonly unknown[] }[];
      }[];
    }

    interface ProduceAnswer {
      readonly topics: readonly { readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly baseOffset: string }[] }[];
    }

    interface Broker {
      /** In the newest version that both know. */
      lookupRequest<Request>(apiKey: number, definition: Definition<Request>): (request: Request) => Exchange;
      readonly connectionPool: { send(exchange: Exchange): Promise<unknown> };
      describeConfigs(request: {
        readonly resources: readonly { readonly type: number; readonly name: string; readonly configNames: readonly string[] }[];
      }): Promise<{ readonly resources: readonly { readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[] }[] }>;
    }

    interface Metadata {
      readonly clusterId: string;
      readonly topicMetadata: readonly { readonly topic: string; readonly partitionMetadata: readonly unknown[] }[];
    }

    interface TopicPartitions {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromBeginning: boolean;
    }
  }

  class Cluster {
    constructor(options: Cluster.Options);
    readonly brokerPool: { readonly metadata: Cluster.Metadata | null; findConnectedBroker(): Promise<Cluster.Broker> };
    connect(): Promise<void>;
    addTargetTopic(topic: string): Promise<void>;
    refreshMetadata(): Promise<void>;
    /** By the number of the leader. */
    findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>;
    findBroker(node: { readonly nodeId: string }): Promise<Cluster.Broker>;
    findGroupCoordinator(group: { readonly groupId: string }): Promise<Cluster.Broker>;
    fetchTopicsOffset(topics: readonly Cluster.TopicPartitions[]): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>;
  }
  export = Cluster;
}

declare module 'kafkajs/src/consumer/consumerGroup' {
  import type { Assigner, Logger } from 'kafkajs';
  import type Cluster from 'kafkajs/src/cluster';

  namespace ConsumerGroup {
    interface Options {
      readonly logger: Logger;
      readonly cluster: Cluster;
      readonly groupId: string;
      readonly topics: readonly string[];
      readonly topicConfigurations: Readonly<Record<string, { readonly fromBeginning: boolean }>>;
      readonly assigners: readonly Assigner[];
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly autoCommit: boolean;
      readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
      readonly instrumentationEmitter: { emit(): void };
    }
  }

  class ConsumerGroup {
    constructor(options: ConsumerGroup.Options);
    memberId: string | null;
    coordinator: Cluster.Broker | null;
    joinAndSync(): Promise<void>;
    heartbeat(options: { readonly interval: number }): Promise<void>;
    leave(): Promise<void>;
    assigned(): readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  }
  export = ConsumerGroup;
}

declare module 'kafkajs/src/protocol/requests' {
  import type Cluster from 'kafkajs/src/cluster';

  export interface Definition<Request> {
    readonly versions: readonly string[];
    readonly protocol: (options: { readonly version: number }) => (request: Request) => Cluster.Exchange;
  }
  export const requests: { readonly Produce: Definition<Cluster.ProduceRequest>; readonly Fetch: Definition<Cluster.FetchRequest> };
}

declare module 'kafkajs/src/protocol/message/compression' {
  interface Codec {
    decompress(bytes: Buffer): Promise<Buffer>;
  }
  /** Null when the batch is not compressed; throws for what kafkajs does not know. */
  export function lookupCodecByAttributes(attributes: number): Codec | null;
}

declare module 'kafkajs/src/protocol/encoder' {
  class Encoder {
    readonly buffer: Buffer;
    writeInt8(value: number): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeInt64(value: number): this;
    writeString(value: string): this;
    writeBytes(value: Buffer): this;
  }
  export = Encoder;
}

declare module 'kafkajs/src/protocol/recordBatch/v0' {
  import type Encoder from 'kafkajs/src/protocol/encoder';

  export function RecordBatch(batch: {
    readonly compression: number;
    readonly firstOffset: number;
    readonly maxTimestamp: number;
    readonly partitionLeaderEpoch: number;
    readonly lastOffsetDelta: number;
    readonly records: readonly Encoder[];
  }): Promise<Encoder>;
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0' {
  import type Encoder from 'kafkajs/src/protocol/encoder';

  function Record(record: {
    readonly offsetDelta: number;
    readonly timestampDelta: number;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<{ [name: string]: string | readonly string[] }>;
  }): Encoder;
  export = Record;
}

declare module 'kafkajs/src/protocol/error' {
  export function createErrorFromCode(code: number): Error;
}

declare module 'kafkajs/src/network/requestQueue' {
  class RequestQueue {
    constructor(options: {
      readonly maxInFlightRequests: number | null;
      readonly requestTimeout: number;
      readonly enforceRequestTimeout: boolean;
      readonly clientId: string;
      readonly broker: string;
      readonly logger: { debug(): void; warn(): void };
      readonly isConnected: () => boolean;
    });
    readonly pending: readonly unknown[];
    readonly inflight: ReadonlyMap<number, { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }>;
    readonly enforceRequestTimeout: boolean;
    readonly requestTimeout: number;
    readonly isConnected: () => boolean;
    requestTimeoutIntervalId: NodeJS.Timeout | null;
    push(request: {
      readonly entry: { readonly correlationId: number; readonly apiKey: number; readonly apiName: string; readonly apiVersion: number; resolve(): void; reject(error: Error): void };
      readonly expectResponse: boolean;
      sendRequest(): void;
    }): void;
    fulfillRequest(response: { readonly correlationId: number; readonly payload: Buffer; readonly size: number }): void;
    maybeThrottle(ms: number): void;
    scheduleCheckPendingRequests(): void;
    scheduleRequestTimeoutCheck(): void;
    destroy(): void;
  }
  export = RequestQueue;
}
