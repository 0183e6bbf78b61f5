import { serviceContract } from '@meridian/http/contract';
import { aggregatorConfig, aggregatorVariables } from './config';
import { startProcess } from './process';

serviceContract('aggregator', {
  variables: aggregatorVariables,
  config: aggregatorConfig,
  stores: ['MERIDIAN_LEDGER', 'MERIDIAN_CONTROL', 'MERIDIAN_EVENT_LOG'],
  start: startProcess,
});
