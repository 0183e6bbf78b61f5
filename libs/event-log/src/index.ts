export { Bell, DELIVERY_RECORDS_MAX, type RecordSource } from './delivery';
export { EVENT_LOG_ERROR_CODES, EventLogError, type EventLogErrorCode } from './errors';
export type { Assignee, Draft, EventLog, Extent, Incarnation, LogRecord, Membership, Position } from './event-log';
export { ConsumerGroup } from './group';
export { MemoryEventLog, type MemoryEventLogOptions } from './memory';
