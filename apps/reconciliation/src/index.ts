export { reconciliationVariables } from './config';
export { LOOP_INTERVAL_MS, startReconciliation, type ReconciliationOptions, type RunningReconciliation } from './service';
