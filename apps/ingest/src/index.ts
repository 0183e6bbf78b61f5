export { INGEST_LIMITS, type IngestLimits } from './bodies';
export { startIngest, type IngestOptions } from './service';
