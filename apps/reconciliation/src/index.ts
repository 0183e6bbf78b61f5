export { LOOP_INTERVAL_MS, startReconciliation, type ReconciliationOptions, type RunningReconciliation } from './service';
