export { Acceptor, partitionOf, type AcceptorParts, type Through } from './accept';
export { ALLOCATE_DEFAULTS, Allocator, segmentsWrittenBy, type AllocateParts, type AllocateSettings } from './allocate';
export { copyOfCut, newestCopy, newestCut, resolvedThrough } from './cuts';
export { partIn, readDerived, sessionCache, type SessionPart } from './derive';
export { PIPELINE_ERROR_CODES, PipelineError, type PipelineErrorCode } from './errors';
export { Evidence, type CoveredManifest } from './evidence';
export { checkFingerprint, lastManifest, type Intactness, type LastManifest } from './fingerprint';
export { FOLD_DEFAULTS, Folder, type FoldParts, type FoldSettings, type FoldTarget } from './fold';
export { FoldService, type FoldServiceParts } from './fold-service';
export { renewRegion, retireRegion, takeOver, takeOverRegion, type HandedOver, type HandoverParts, type Retirement } from './handover';
export { Jobs, type Job, type JobParts, type JobRequest } from './jobs';
export { eachLimited, repeating, retrying, type LoopOptions } from './loop';
export { hourFromName, hourName, periodOf, periodsBetween } from './periods';
export { ALARM_CODES, silentProbe, type AlarmCode, type Flushed, type LogLag, type Probe, type Reached, type WriterLag } from './probe';
export { Reacher, type ReachParts } from './reach';
export {
  groupUsage, Reader, USAGE_GROUPS,
  type CoverageAnswer, type ExplainAnswer, type ReadParts, type SessionAnswer, type SessionCursor, type SessionListAnswer, type UsageAnswer,
} from './read';
export { listLogs, registerLogs, retireLog, type RegisteredLog } from './registry';
export { checkScope, Rerun, type Difference, type RerunProgress, type RerunResult, type RerunScope } from './rerun';
export { Resolver, type Increment, type ResolveParts } from './resolve';
export { SAMPLE_DEFAULTS, Sampler, sampleSettings, type SampleParts, type SampleSettings } from './sample';
export type { FoldedSession } from './sessions';
