/** How the log is reached and used. Every limit has a default; those are what the tests and benches run with. */
import type { Clock } from '@meridian/accounting';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export type KafkaSasl =
  | { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string }
  /** `token` is asked for at every connection, and again before the broker's session ends. */
  | { readonly mechanism: 'oauthbearer'; readonly token: () => Promise<string> }
  /** Amazon MSK with IAM, over TLS; the credentials are those that the AWS SDK finds. */
  | { readonly mechanism: 'msk-iam'; readonly region: string };

/** Whom to talk to, and as whom. */
export interface KafkaConnectionOptions {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** `true`: TLS with the machine's authorities. */
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: KafkaSasl;
  /** How long a connection may take, ms. */
  readonly connectionTimeoutMs?: number;
  /** How long an answer may take, ms; a long poll its waiting on top. */
  readonly requestTimeoutMs?: number;
  /** Opens the socket instead of this library: for tunnels and for tests. TLS is then its own affair. */
  readonly connect?: (host: string, port: number) => Socket;
}

export interface KafkaAppendOptions {
  /** Compresses what is sent. */
  readonly gzip?: boolean;
  /** How long an append may take once it is its turn, retries included, ms: then it is refused, and the caller says so. */
  readonly appendDeadlineMs?: number;
  /** Bytes of one partition in one send, uncompressed; never more than the topic takes. */
  readonly batchBytesMax?: number;
  readonly sendsInFlightMax?: number;
}

export interface KafkaGroupOptions {
  /** The region's group of consumers. */
  readonly groupId: string;
  readonly heartbeatMs?: number;
  /** A member not heard of for so long loses its partitions, ms. */
  readonly sessionTimeoutMs?: number;
  /** How long a rebalance waits for a member to give up what it has, ms. */
  readonly rebalanceTimeoutMs?: number;
  /** How long joining may fail before the member gives up for good, ms. */
  readonly joinDeadlineMs?: number;
  /** How long the broker holds a fetch that finds nothing, ms. */
  readonly fetchWaitMs?: number;
  /** How often the watchdog looks, ms. */
  readonly watchMs?: number;
  /** Behind for so long without progress: a partition is read over a new connection, and the next time the member fails, ms. */
  readonly stallMs?: number;
}

export interface KafkaEventLogOptions extends KafkaConnectionOptions, KafkaAppendOptions, KafkaGroupOptions {
  readonly topic: string;
  readonly clock: Clock;
}

export const CONNECTION_TIMEOUT_MS = 3_000;
export const REQUEST_TIMEOUT_MS = 10_000;
export const APPEND_DEADLINE_MS = 10_000;
/** Large enough that the send's own cost does not show, small enough to be decoded in a few milliseconds. */
export const BATCH_BYTES_MAX = 512 * 1024;
/** Two: one on the way while the broker writes the other. */
export const SENDS_IN_FLIGHT_MAX = 2;
export const HEARTBEAT_MS = 1_000;
export const SESSION_TIMEOUT_MS = 30_000;
export const REBALANCE_TIMEOUT_MS = 15_000;
export const JOIN_DEADLINE_MS = 120_000;
export const FETCH_WAIT_MS = 5_000;
export const WATCH_MS = 10_000;
export const STALL_MS = 60_000;
