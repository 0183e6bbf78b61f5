export { Acceptor, partitionOf, type AcceptorParts, type Through } from './accept';
export { ALLOCATE_DEFAULTS, Allocator, segmentsWrittenBy, type AllocateParts, type AllocateSettings } from './cut/allocate';
export { copyOfCut, newestCopy, newestCut, resolvedThrough } from './cut/cuts';
export { readDerived, sessionCache, type SessionPart } from './answer/derive';
export { PIPELINE_ERROR_CODES, PipelineError, type PipelineErrorCode } from './errors';
export { Evidence, type CoveredManifest } from './answer/evidence';
export { checkFingerprint, lastManifest, type Intactness, type LastManifest } from './fold/fingerprint';
export { RunAhead } from './fold/run-ahead';
export { FOLD_DEFAULTS, Folder, type FoldParts, type FoldSettings, type FoldTarget } from './fold/fold';
export { FoldService, type FoldServiceParts } from './fold/fold-service';
export { openNextStream, renewRegion, retireRegion, takeOver, takeOverRegion, type HandedOver, type HandoverParts, type Retirement } from './cut/handover';
export { Jobs, type Job, type JobParts, type JobRequest } from './answer/jobs';
export { eachLimited, repeating, retrying, type LoopOptions } from './loop';
export { hourFromName, hourName, periodOf, periodsBetween } from './answer/periods';
export { ALARM_CODES, silentProbe, type AlarmCode, type Flushed, type LogLag, type Probe, type Reached, type WriterLag } from './probe';
export { Reacher, type ReachParts } from './cut/reach';
export {
  groupUsage, Reader, USAGE_GROUPS,
  type CoverageAnswer, type ExplainAnswer, type ReadParts, type SessionAnswer, type SessionCursor, type SessionListAnswer, type UsageAnswer,
} from './answer/read';
export { listLogs, registerLogs, retireLog, type RegisteredLog } from './cut/registry';
export type { Difference } from './answer/differences';
export { checkScope, Rerun, type RerunProgress, type RerunResult, type RerunScope } from './answer/rerun';
export { Resolver, type Increment, type ResolveParts } from './answer/resolve';
export { SAMPLE_DEFAULTS, SAMPLE_LOOK_MS, Sampler, sampleSettings, type SampleParts, type SampleSettings } from './cut/sample';
export type { FoldedSession } from './fold/sessions';
