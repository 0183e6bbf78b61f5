/** Modules of ours that processes of the stack load before their own code. */
import { join } from 'node:path';
import process from 'node:process';

/** NODE_OPTIONS with that module beside what is there already. Built: a service is plain Node. */
export function preloading(module: 'dynamodb-preload' | 'skew'): string {
  return `${process.env['NODE_OPTIONS'] ?? ''} --require "${join(__dirname, '..', 'dist', `${module}.js`)}"`.trim();
}
