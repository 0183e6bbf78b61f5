export { aggregatorVariables } from './config';
export { startAggregator, type AggregatorOptions, type RunningAggregator } from './service';
