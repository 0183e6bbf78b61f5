import { serviceContract } from '@meridian/http/contract';
import { reconciliationConfig, reconciliationVariables } from './config';
import { startProcess } from './process';

serviceContract('reconciliation', {
  variables: reconciliationVariables,
  config: reconciliationConfig,
  stores: ['MERIDIAN_LEDGER', 'MERIDIAN_CONTROL', 'MERIDIAN_DERIVED'],
  start: startProcess,
});
