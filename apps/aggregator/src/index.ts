export { aggregatorVariables } from './config';
export { SAMPLE_INTERVAL_MS, startAggregator, type AggregatorOptions, type RunningAggregator } from './service';
