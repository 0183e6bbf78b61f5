export {
  EVENT_LOG_FORMS, LEDGER_FORMS, parseEventLogAddress, parseLedgerAddress,
  type DynamoAddress, type EventLogAddress, type KafkaAddress, type LedgerAddress, type LevelAddress,
} from './address';
export { kafkaConnection, openEventLog, openLedger, type EventLogConfig, type OpenEventLogOptions, type OpenLedgerOptions } from './open';
export { appendVariables, derivedVariables, eventLogVariables, groupVariables, kafkaVariables, ledgerVariables } from './variables';
