export { LevelLedger, type LevelLedgerOptions } from './ledger';
export { Replicator, type Lag, type ReplicatorOptions } from './replicator';
