export { createClient, type ClientOptions } from './client';
export { DynamoLedger, type DynamoLedgerOptions } from './ledger';
export { createTables, type CreateTablesOptions, type TableReport, type TableSpec } from './tables';
export { rowKind, writeUnits, type Write } from './write-units';
