import { serviceContract } from '@meridian/http/contract';
import { ingestConfig, ingestVariables } from './config';
import { startProcess } from './process';

serviceContract('ingest', {
  variables: ingestVariables,
  config: ingestConfig,
  stores: ['MERIDIAN_LEDGER', 'MERIDIAN_CONTROL', 'MERIDIAN_EVENT_LOG'],
  start: startProcess,
});
