/** The global-table replicator as a part of the stack: one process for all regions. Healthy = it answers. */
import process from 'node:process';
import { join, resolve } from 'node:path';
import { LOCAL_CREDENTIALS } from './dynamodb';
import { statusOf } from './http';
import type { Part } from './part';
import { HOST } from './ports';
import { LEDGER_TABLE } from './addresses';

const MAIN = resolve(__dirname, '../dist/replicator-main.js');

export const replicator: Part = {
  kind: 'replicator',
  isPerRegion: false,
  instances: 1,
  ports: ['http'],
  // It finishes requests of at most 10 s.
  drainMs: 12_000,
  endpoint: ({ http }) => `http://${HOST}:${http}`,

  async prepare({ directory, layout: { dynamodb }, ports: { http }, mark }) {
    const replicas = Object.entries(dynamodb).map(([region, url]) => `${region}=${url}`).sort().join(',');
    return {
      command: process.execPath,
      args: [MAIN, '--tables', LEDGER_TABLE, '--replicas', replicas, '--listen', `${HOST}:${http}`, '--directory', join(directory, 'data'), `--${mark}`],
      env: LOCAL_CREDENTIALS,
    };
  },

  isHealthy: async ({ http }) => (await statusOf({ port: http, path: '/health' })) === 200,
};
