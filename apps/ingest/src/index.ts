export { INGEST_LIMITS, type IngestLimits } from './bodies';
export { ingestConfig, ingestVariables } from './config';
export { REJECTION_CODES, type RejectionCode } from './rejection';
export { startIngest, type IngestOptions } from './service';
