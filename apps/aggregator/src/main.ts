/** The aggregator of one region, as a process of its own. */
import { runMain } from '@meridian/http';
import { startProcess } from './process';

void runMain(() => startProcess(process.env));
