/** What kafkajs and the broker say, in the words of the port. */
import { InvariantViolation } from '@meridian/accounting';
import { EventLogError, type EventLogErrorCode } from '@meridian/event-log';

/** Not by `instanceof`: kafkajs wraps its errors, and what is of its own class says less than what it wraps. */
interface Failure {
  readonly name: string;
  /** Of the protocol, `NOT_LEADER_FOR_PARTITION`; empty when the broker did not answer. */
  readonly type: string;
  /** Of the system, `ECONNREFUSED`. */
  readonly code: unknown;
  readonly message: string;
}

/** Waiting does not help: someone has to change the call, the topic or the rights. Everything else may pass. */
const LASTING: Readonly<Record<string, EventLogErrorCode>> = {
  OFFSET_OUT_OF_RANGE: 'log_out_of_range',
  MESSAGE_TOO_LARGE: 'log_invalid',
  RECORD_LIST_TOO_LARGE: 'log_invalid',
  INVALID_RECORD: 'log_invalid',
  INVALID_TIMESTAMP: 'log_invalid',
  INVALID_TOPIC_EXCEPTION: 'log_invalid',
  INVALID_GROUP_ID: 'log_invalid',
  INVALID_SESSION_TIMEOUT: 'log_invalid',
  INVALID_PARTITIONS: 'log_invalid',
  INVALID_REPLICATION_FACTOR: 'log_invalid',
  INVALID_CONFIG: 'log_invalid',
  INCONSISTENT_GROUP_PROTOCOL: 'log_invalid',
  POLICY_VIOLATION: 'log_invalid',
  TOPIC_ALREADY_EXISTS: 'log_invalid',
  TOPIC_AUTHORIZATION_FAILED: 'log_invalid',
  GROUP_AUTHORIZATION_FAILED: 'log_invalid',
  CLUSTER_AUTHORIZATION_FAILED: 'log_invalid',
  SASL_AUTHENTICATION_FAILED: 'log_invalid',
  UNSUPPORTED_SASL_MECHANISM: 'log_invalid',
  UNSUPPORTED_VERSION: 'log_invalid',
};

/** What ends a member or a start until it has been looked into. */
export type GuardCode = Extract<EventLogErrorCode, 'log_out_of_range' | 'log_missing' | 'log_repartitioned' | 'log_replaced' | 'log_rewound'>;

/** The alarm and the runbook have the code's name; the message says so to whoever reads only that. */
export function guardError(code: GuardCode, message: string, options: { readonly cause?: unknown; readonly partition?: number } = {}): EventLogError {
  return new EventLogError(code, `${message} (runbook: ${code})`, options);
}

/** Defects of ours pass through as they are. */
export function translate(error: unknown, doing: string): Error {
  if (error instanceof EventLogError || error instanceof InvariantViolation) return error;
  const { name, type, message } = innermost(error);
  const code = LASTING[type] ?? (name === 'KafkaJSSASLAuthenticationError' ? 'log_invalid' : 'log_unavailable');
  return new EventLogError(code, `${doing}: ${type ? `${type}, ` : ''}${message}`, { cause: error });
}

export function isType(error: unknown, ...types: readonly string[]): boolean {
  return types.includes(innermost(error).type);
}

/**
 * The broker refused before it appended; but for one case: a leader that has appended, and is deposed while it waits for its
 * followers, answers `NOT_LEADER_FOR_PARTITION` too, and what it appended may stay. What is sent again is in the log twice
 * then, which is counted once, by its identity.
 */
const REFUSED = ['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS', 'UNKNOWN_TOPIC_OR_PARTITION'];
/** Nothing was sent. */
const UNSENT = ['KafkaJSBrokerNotFound', 'KafkaJSMetadataNotLoaded', 'KafkaJSTopicMetadataNotLoaded', 'KafkaJSLockTimeout'];
/** Of the system, while connecting. */
const UNREACHED: readonly unknown[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];
/** Of kafkajs, for the same: it has one class for these and for a connection that was lost. The last is of `Sockets`. */
const UNCONNECTED = ['Connection timeout', 'Not connected', 'Failed to connect'];

/**
 * Has a send that failed so appended nothing, save for what `REFUSED` says? After a connection that was lost, or a time that
 * ran out, that cannot be told.
 */
export function isUnsent(error: unknown): boolean {
  const { name, type, code, message } = innermost(error);
  if (name === 'KafkaJSConnectionError') return UNREACHED.includes(code) || UNCONNECTED.some((begin) => message.startsWith(begin));
  return REFUSED.includes(type) || UNSENT.includes(name);
}

function innermost(error: unknown): Failure {
  let at = Object(error) as { readonly cause?: unknown; readonly errors?: unknown } & Partial<Failure>;
  for (;;) {
    const inner: unknown = at.cause ?? (Array.isArray(at.errors) ? at.errors[0] : undefined);
    if (typeof inner !== 'object' || inner === null) break;
    at = inner;
  }
  return { name: at.name ?? '', type: at.type ?? '', code: at.code, message: at.message ?? String(error) };
}
